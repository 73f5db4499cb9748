"""Expectation-maximisation for localization, whatever the method.

    guess the segmentation
    repeat:
        M-step: learn to recognise, assuming that the segmentation is right
        E-step: segment again with what was learned, holding fixed what a person said

Nothing here knows how a method recognises or segments, nor where words come from or results go.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from charloc import pretrained
from charloc.methods import Checkpoint, Method, Progress, make, silent
from charloc.rim import Rim, rim_of
from charloc.types import Localization, Pins, TrainingSet, WordImage

FIRST = "pretrained"
"""The method that says where characters are as long as nothing has been learned, and with which a method that learns
begins where it can (`pretrained.start_of`). "guess" knows only ink and ordinary fonts; "even", which knows nothing of
characters, makes a flat start."""
MOVED_H = 0.1
"""A character has moved when its centre is farther than this many word heights from where it was."""


@dataclass(frozen=True, slots=True, eq=False)
class RoundResult:
    """What one round of EM yields.

    Args:
        localizations: one per word.
        checkpoint: what was learned; None for a method that does not learn.
        log_likelihood: mean score per character, nats.
        moved: characters whose centre moved by more than `MOVED_H`.
        m_step_s, e_step_s: seconds spent learning and localizing.
        learned: the numbers the M-step reported.
        unaided: by index of the word, for those with pins: its localization without them, if that was asked for.
    """

    localizations: list[Localization]
    checkpoint: Checkpoint | None
    log_likelihood: float
    moved: int
    m_step_s: float
    e_step_s: float
    learned: Mapping[str, float]
    unaided: Mapping[int, Localization] = field(default_factory=dict)


def run(
    method_name: str,
    words: Sequence[WordImage],
    pins: Sequence[Pins],
    weights: np.ndarray,
    *,
    rounds: int,
    parent: Checkpoint | None = None,
    first: str = FIRST,
    progress: Progress = silent,
    **settings: Any,
) -> RoundResult:
    """All of EM: the first segmentation, then `rounds` rounds, each from what the one before it learned and found.

    Args:
        rounds: how many; at least 1.
        parent: what the first round's M-step starts from, such as its kin's checkpoint.
        others: as for `run_round`.

    Returns:
        The last round's result.
    """
    current, learned = first_guess(words, pins, progress, first), parent
    for _ in range(max(rounds, 1)):
        result = run_round(
            method_name, words, current, pins, weights, parent=learned, first=first, progress=progress, **settings
        )
        current, learned = result.localizations, result.checkpoint
    return result


def run_round(
    method_name: str,
    words: Sequence[WordImage],
    current: Sequence[Localization],
    pins: Sequence[Pins],
    weights: np.ndarray,
    *,
    parent: Checkpoint | None = None,
    first: str = FIRST,
    learned_already: Checkpoint | None = None,
    on_learned: Callable[[Checkpoint], None] | None = None,
    unaided: bool = False,
    progress: Progress = silent,
    **settings: Any,
) -> RoundResult:
    """One round: M-step on the current localizations and pins, then E-step over all words.

    Args:
        method_name: a key of `methods.METHODS`.
        words: N words.
        current: N localizations to learn from: the previous round's, or `first_guess`'s. Ignored by a method that
            does not learn, and used to count what moved.
        pins: N tuples of human facts.
        weights: float32 (N,), 0 leaves a word out of learning.
        parent: checkpoint of the previous round, the method's own or its kin's; the M-step starts from it.
        first: name of the method, one that does not learn, that aligns words around their pins where there is no
            `parent`. With "pretrained" the M-step then goes on from the checkpoint that ships, if that is the method's
            own, or its kin's, and knows the words' alphabet.
        learned_already: the M-step's result from an attempt that was stopped later on; skips the M-step.
        on_learned: called with the M-step's result before the E-step starts, so that it can be kept.
        unaided: localize words with pins once more without them, to see what was learned and what is only held fixed.
        progress: called with ("look" | "prepare" | "learn" | "measure" | "localize", done, total).
        settings: passed to the method.

    Returns:
        The round's result; `localizations[i]` belongs to `words[i]`.
    """
    start = learned_already or parent
    if start is None and first == "pretrained":
        start = pretrained.start_of(method_name, words)
    method = make(method_name, start, **settings)
    rims = _rims(words, progress)

    learned: Mapping[str, float] = {}
    started = time.perf_counter()
    if method.learns and learned_already is None:
        believed = _aligned(_aligner(method, parent, first), words, current, pins, rims, progress)
        training = TrainingSet(
            words,
            [rim.off(each) for rim, each in zip(rims, believed, strict=True)],
            [rim.off_pins(facts) for rim, facts in zip(rims, pins, strict=True)],
            weights,
        )
        learned = method.m_step(training, progress)
        if on_learned is not None:
            on_learned(method.checkpoint())
    m_step_s = time.perf_counter() - started

    started = time.perf_counter()
    localizations = _localize(method, words, pins, rims, progress)
    e_step_s = time.perf_counter() - started
    said = [i for i, facts in enumerate(pins) if facts] if unaided else []
    alone = _localize(method, words, [()] * len(words), rims, _as("measure", progress), said) if said else []

    characters = sum(len(each.boxes) for each in localizations)
    return RoundResult(
        localizations=localizations,
        checkpoint=method.checkpoint() if method.learns else None,
        log_likelihood=sum(each.score for each in localizations) / max(characters, 1),
        moved=sum(moved_characters(old, new) for old, new in zip(current, localizations, strict=True)),
        m_step_s=m_step_s,
        e_step_s=e_step_s,
        learned=learned,
        unaided=dict(zip(said, alone, strict=True)),
    )


def _as(phase: str, progress: Progress) -> Progress:
    """A progress callback that calls whatever is done by this name."""
    return lambda _, done, total: progress(phase, done, total)


def _aligner(method: Method, parent: Checkpoint | None, first: str) -> Method:
    """Whoever can align words before this round has learned anything: `method`, if it has learned letters before."""
    if parent is None or not pretrained.knows_letters(parent):
        return make(first)
    wrote = str(parent.settings.get("method", method.name))
    # What its kin learned is only a start: the method itself has not learned yet.
    return method if wrote == method.name else make(wrote, parent)


def _aligned(
    aligner: Method,
    words: Sequence[WordImage],
    current: Sequence[Localization],
    pins: Sequence[Pins],
    rims: Sequence[Rim],
    progress: Progress,
) -> list[Localization]:
    """The current localizations; words of which only some characters are pinned are aligned anew around those.

    What was pinned pushes its neighbours along: learning from where they were before would unteach the pin.
    """
    believed = list(current)
    partly = [i for i, facts in enumerate(pins) if 0 < len(facts) < len(believed[i].boxes)]
    if not partly:
        return believed
    anew = _localize(aligner, words, pins, rims, _as("prepare", progress), partly)
    for i, localization in zip(partly, anew, strict=True):
        believed[i] = localization
    return believed


def first_guess(
    words: Sequence[WordImage],
    pins: Sequence[Pins],
    progress: Progress = silent,
    first: str = FIRST,
    **settings: Any,
) -> list[Localization]:
    """The segmentation EM starts from, nothing of these words learned: that of the method `first`, with `settings`."""
    return localize(make(first, **settings), words, pins, progress)


def localize(
    method: Method, words: Sequence[WordImage], pins: Sequence[Pins], progress: Progress = silent
) -> list[Localization]:
    """A method's E-step as everybody else sees it: boxes with their rims (`charloc.rim`), pinned ones as pinned."""
    return _localize(method, words, pins, _rims(words, progress), progress)


def _localize(
    method: Method, words: Sequence[WordImage], pins: Sequence[Pins], rims: Sequence[Rim], progress: Progress,
    chosen: Sequence[int] | None = None,
) -> list[Localization]:  # fmt: skip
    """`localize` where rims are known; only the words at the indices `chosen`, if some are."""
    if chosen is not None:
        words, pins, rims = [words[i] for i in chosen], [pins[i] for i in chosen], [rims[i] for i in chosen]
    found = method.e_step(words, pins, progress)
    return [rim.on(each, facts) for rim, each, facts in zip(rims, found, pins, strict=True)]


def _rims(words: Sequence[WordImage], progress: Progress) -> list[Rim]:
    """Each word's rim. Words may be lazy: one at a time is in memory."""
    rims: list[Rim] = []
    for word in words:
        progress("look", len(rims), len(words))
        rims.append(rim_of(word.pixels))
    progress("look", len(words), len(words))
    return rims


def moved_characters(old: Localization, new: Localization) -> int:
    """How many characters' centres are more than `MOVED_H` word heights apart, or gained or lost their box.

    The word's height is the median height of the new boxes. Localizations of different length have all moved.
    """
    if len(old.boxes) != len(new.boxes):
        return len(new.boxes)
    has_old, has_new = ~np.isnan(old.boxes[:, 0]), ~np.isnan(new.boxes[:, 0])
    both = has_old & has_new
    appeared = int(np.sum(has_old != has_new))
    if not both.any():
        return appeared
    height = float(np.median(new.boxes[both, 3] - new.boxes[both, 1]))
    shift = (old.boxes[both, :2] + old.boxes[both, 2:] - new.boxes[both, :2] - new.boxes[both, 2:]) / 2
    return appeared + int(np.sum(np.hypot(shift[:, 0], shift[:, 1]) > MOVED_H * max(height, 1.0)))
