"""Learning from rendered words what `segmental` then starts from: which ink is a word's own, what letters look like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import torch

from charloc.calibration import fit
from charloc.descent import Schedule
from charloc.learning import train_boxes, train_wholes
from charloc.learning_ink import train_ink
from charloc.measures import measure
from charloc.methods import Checkpoint, Progress, silent
from charloc.methods._learner import NOTHING
from charloc.methods._teaching import doubts, ends, letters, spread
from charloc.methods.segmental import FIRST_RATE, Segmental
from charloc.nets_ink import InkNet
from charloc.synth import Rendered
from charloc.text import Charset
from charloc.types import CheckpointError

MORE_RATE = 1e-3
"""Peak learning rate where letters are learned on: less than at first, so that little is forgotten on the way."""
INK_RATE, MORE_INK_RATE = 4e-3, 2e-3
"""The same for ink, at first and where it is learned on."""
More = Literal["letters", "ink"]
"""What may be learned on from a start."""
INK_SHARE = 3 / 8
"""Pictures in a batch of ink for each word in one of letters."""
BOX_RATE = 3e-4
"""Peak learning rate of the box head alone."""

SOME, FEW_STEPS = 16_384, 6_000
"""Words, and steps, at most, of which one head of a net is learned whose features stay: it is small."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is learned, and with what.

    Args:
        steps: batches the net of letters learns from; the net of ink learns from two thirds as many, where
            both are learned.
        seed: of everything random.
        batch: words in a batch of letters; batches of ink have `INK_SHARE` as many.
        device: where nets compute, as torch names it.
        workers: at most so many processes see words, and make batches for a device that is not the processor.
        kept: where letters are learned on, how much of the weights they began with stays, 0..1 (decision 34).
    """

    steps: int
    seed: int = 0
    batch: int | None = None
    device: str = "cpu"
    workers: int = 1
    kept: float = 0.0

    def schedule(self, rate: float, steps: int | None = None, share: float = 1.0, head: bool = False) -> Schedule:
        """A schedule at a peak rate: `steps` or as many as for letters, `share` of a batch each; of a `head` fewer."""
        steps = min(self.steps, FEW_STEPS) if head else steps or self.steps
        batch = None if self.batch is None else max(round(self.batch * share), 1)
        makers = 0 if self.device == "cpu" else self.workers
        return Schedule(steps, rate, self.seed, batch, self.device, makers)


def pretrain(
    rendered: Sequence[Rendered], held_out: Sequence[Rendered], effort: Effort,
    start: Checkpoint | None = None, more: More | None = None, progress: Progress = silent,
) -> Checkpoint:  # fmt: skip
    """What `segmental` learns from rendered words whose boxes are known.

    Args:
        rendered: words of all the alphabet.
        held_out: other words, to find out what confidence is worth; none: it stays uncalibrated.
        start: made by this before: what it knows stays; learned is only which spans are whole characters and where
            boxes end beyond the spans that the search finds, if it does not know that, and anew what confidence is
            worth.
        more: letters or ink are learned on from there, too, and what is known of the other stays.
        progress: called with (phase, done, total); phases: "learn ink", "prepare", "learn", "learn spans", "lay out",
            "learn boxes", "calibrate".

    Returns:
        A checkpoint of `segmental`.

    Raises:
        CheckpointError: `start` does not know a character and nothing more is to be learned; no word has room for its
            characters.
    """
    torch.manual_seed(effort.seed)
    method = Segmental(start, seed=effort.seed)
    charset = method.charset.extended(each.word(0).characters for each in rendered)
    if start is not None and more != "letters":
        check_known(start, charset.symbols)
    if start is None:
        teach_ink(method, rendered, effort.schedule(INK_RATE, max(2 * effort.steps // 3, 1), INK_SHARE), progress)
    elif more == "ink":
        teach_ink(method, rendered, effort.schedule(MORE_INK_RATE, share=INK_SHARE), progress)
    if start is None or more == "letters":
        teach_letters(method, charset, rendered, effort, progress)
    elif not method.knows_spans:
        seen = spread(letters, method, charset, rendered, partial(progress, "prepare"), effort.workers)
        schedule = effort.schedule(FIRST_RATE, head=True)
        train_wholes(method._learned(), [sample for sample, _ in seen], schedule, progress)
    method.knows_spans = method.warm = True
    if start is None or more or not method.taught:
        teach_ends(method, rendered, effort, progress)
    if held_out:
        calibrate(method, held_out, effort.workers, progress)
    return method.checkpoint()


def check_known(start: Checkpoint, alphabet: Sequence[str]) -> None:
    """Refuse a start that does not know all letters.

    Raises:
        CheckpointError: which it does not know.
    """
    known = Charset.from_json(str(start.settings["charset"]))
    new = known.extended([alphabet]).symbols[len(known.symbols) :]
    if new:
        some = " ".join(new[:5])
        raise CheckpointError(f"What it starts from does not know {some}. Leave out --start, or add --more letters.")


def teach_ink(method: Segmental, rendered: Sequence[Rendered], schedule: Schedule, progress: Progress = silent) -> None:
    """Which ink is a word's own is learned: at first, or on."""
    method.ink = method.ink or InkNet()
    train_ink(method.ink, rendered, schedule, progress)


def teach_letters(
    method: Segmental, charset: Charset, rendered: Sequence[Rendered], effort: Effort, progress: Progress = silent
) -> None:
    """Letters, spans and boxes are learned from words whose boxes are true: at first, or on."""
    rate = FIRST_RATE if method.net is None else MORE_RATE
    seen = spread(letters, method, charset, rendered, partial(progress, "prepare"), effort.workers)
    samples = [sample for sample, _ in seen]
    characters = [each.word(0).characters for each in rendered]
    measures = measure(characters, [edges for _, edges in seen], [sample.weights for sample in samples])
    method.learn(samples, measures, charset, effort.schedule(rate), progress, kept=effort.kept)


def teach_ends(method: Segmental, rendered: Sequence[Rendered], effort: Effort, progress: Progress = silent) -> None:
    """Only where boxes end beyond the spans that a search finds is learned; all else stays.

    Until then that is known of the spans of true boxes, which a search over ink never finds quite.

    Raises:
        CheckpointError: no word could be laid out.
    """
    some = rendered[:SOME]
    samples = spread(ends, method, method.charset, some, partial(progress, "lay out"), effort.workers)
    if not samples:
        raise CheckpointError(NOTHING)
    train_boxes(method._learned(), samples, effort.schedule(BOX_RATE, head=True), progress)
    method.taught = len(method.charset.symbols)


def calibrate(method: Segmental, held_out: Sequence[Rendered], workers: int = 1, progress: Progress = silent) -> None:
    """Find out what confidence is worth, from words that nothing was learned from."""
    method.calibration = None
    rows = spread(doubts, method, method.charset, held_out, partial(progress, "calibrate"), workers)
    if rows:
        features, right = zip(*rows, strict=True)
        method.calibration = fit(np.concatenate(features), np.concatenate(right))
