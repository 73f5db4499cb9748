"""Material for tests of methods that learn: a round that takes seconds, and words that are not as they should be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from types import ModuleType

import numpy as np
import pytest

from charloc import descent
from charloc.em import RoundResult, first_guess, run_round
from charloc.methods import Method, _learner
from charloc.metrics import scores, word_errors
from charloc.synth import Degradation, Rendered, load_font, render, render_set
from charloc.types import Localization, Pin, Pins, TrainingSet, WordImage

CONTRADICTING = [
    ((30.0, 5.0, 40.0, 20.0), (10.0, 5.0, 20.0, 20.0)),
    ((10.0, 5.0, 30.0, 20.0), (10.0, 5.0, 30.0, 20.0)),
]
"""Boxes of two characters that cannot stand in this order."""


def small_batches(patch: pytest.MonkeyPatch) -> None:
    """Batches of eight, and the same arithmetic on every processor."""
    patch.setenv("CHARLOC_FLOAT32", "1")
    patch.setattr(descent, "BATCH", 8)
    patch.setattr(_learner, "BATCH", 8)
    patch.setattr(_learner, "MOST_EPOCHS", 1000)


def set_steps(patch: pytest.MonkeyPatch, module: ModuleType, count: int) -> None:
    """A round of the method in `module` learns for `count` steps."""
    for name in ("LEAST", "MOST", "FLAT_MOST"):
        patch.setattr(module, name, count)


@dataclass(frozen=True)
class Learned:
    """Rendered words, what is believed of them at first, and what a round from the guess made of that."""

    rendered: list[Rendered]
    words: list[WordImage]
    guess: list[Localization]
    even: list[Localization]
    result: RoundResult
    reports: list[tuple[str, int, int]]

    @property
    def long(self) -> int:
        """The first word with six different characters."""
        return next(i for i, word in enumerate(self.words) if len(set(word.characters)) >= 6)


def learn(method: str, count: int = 32) -> Learned:
    rendered = render_set(count, 21, hard=False)
    words = [each.word(i) for i, each in enumerate(rendered)]
    nothing: list[Pins] = [()] * count
    guess, even = (first_guess(words, nothing, first=first) for first in ("guess", "even"))
    reports: list[tuple[str, int, int]] = []
    result = run_round(method, words, guess, nothing, np.ones(count, np.float32), first="guess",
                       progress=lambda *report: reports.append(report))  # fmt: skip
    return Learned(rendered, words, guess, even, result, reports)


def simple_words(letters: str = "Sol", count: int = 32, longest: int = 4) -> list[Rendered]:
    """Words of few different letters, two at least."""
    rng = np.random.default_rng(5)
    rendered = []
    for _ in range(count):
        text = "".join(rng.choice(list(letters), int(rng.integers(2, longest + 1))))
        rendered.append(render(text, load_font(None, 26), rng, CLEAN))
    return rendered


CLEAN = Degradation(tracking_px=1.0, blur_px=0.4)


def training(words: list[WordImage], beliefs: list[Localization], **changes: object) -> TrainingSet:
    whole = TrainingSet(words, beliefs, [()] * len(words), np.ones(len(words), np.float32))
    return replace(whole, **changes)  # type: ignore[arg-type]


def r50(rendered: list[Rendered], found: list[Localization]) -> float:
    return scores(word_errors(a.boxes, b.boxes) for a, b in zip(rendered, found, strict=True)).r50


def line_r50(text: str, localize: Callable[[WordImage], Localization]) -> float:
    """Share of a line's letters that are found; also checks that spaces, and only they, have no box."""
    rendered = render(text, load_font(None, 26), np.random.default_rng(0), CLEAN)
    found = localize(WordImage(1, "line", rendered.pixels, tuple(text)))
    space = np.array([c == " " for c in text])
    assert np.isnan(found.boxes[space]).all() and np.isfinite(found.boxes[~space]).all()
    return r50([replace(rendered, boxes=rendered.boxes[~space])], [replace_boxes(found, ~space)])


def replace_boxes(found: Localization, kept: np.ndarray) -> Localization:
    return replace(found, boxes=found.boxes[kept], confidence=found.confidence[kept])


def hidden(words: list[WordImage]) -> list[Pins]:
    """Nothing of them is visible."""
    return [tuple(Pin(i, None, "invisible") for i in range(len(word.characters))) for word in words]


def odd_words(word: WordImage) -> list[WordImage]:
    """What may be in a project and fits nothing; `word`'s picture with other transcripts among it."""
    blank = np.full((30, 80), 255, np.uint8)
    noise = np.where(np.random.default_rng(0).random((30, 5)) > 0.5, 0, 255).astype(np.uint8)
    return [
        WordImage(100, "thin", noise, tuple("able and")),
        WordImage(101, "one pixel", blank[:1, :1], ("a",)),
        WordImage(102, "nothing", word.pixels, ()),
        WordImage(103, "spaces", word.pixels, (" ", " ")),
        WordImage(104, "blank", blank, tuple("abc")),
        WordImage(105, "right to left", word.pixels, ("א", "ב", "ג")),
        WordImage(106, "many", word.pixels, tuple("e" * (word.pixels.shape[1] + 2))),
        WordImage(107, "spaced", word.pixels, (" ", "a", " ", " ", "b", " ")),
        WordImage(108, "tall", np.full((700, 9), 255, np.uint8), tuple("ab")),
        WordImage(109, "narrow", blank[:20, :3], ("a", "b", " ", "c", "d")),
        WordImage(110, "strange", word.pixels, ("ა", "a", "ბ")),
        WordImage(111, "crowded", word.pixels, tuple("e" * (word.pixels.shape[1] - 2))),
    ]


def check_odd(words: list[WordImage], found: list[Localization]) -> None:
    """Every character has a box, spaces have none; who fits nowhere, or nobody knows, is not believed."""
    for word, each in zip(words, found, strict=True):
        space = np.array([c == " " for c in word.characters], bool)
        assert np.isnan(each.boxes[space]).all() and np.isfinite(each.boxes[~space]).all(), word.name
        assert np.isfinite(each.confidence).all() and np.isfinite(each.score), word.name
    by_name = {word.name: each for word, each in zip(words, found, strict=True)}
    assert (np.diff(by_name["right to left"].boxes[:, 0]) < 0).all()
    assert (np.diff(by_name["strange"].boxes[:, 0]) > 0).all()
    assert not by_name["right to left"].confidence.any()
    assert not by_name["many"].confidence.any()
    assert by_name["crowded"].confidence.mean() < 0.1


def check_few_at_a_time(patch: pytest.MonkeyPatch, method: Method, words: list[WordImage]) -> None:
    """Where pictures are large few are held at a time, and each is localized as it is among many."""
    nobody: list[Pins] = [()] * len(words)
    together = method.e_step(words, nobody)
    begun: list[int] = []
    patch.setattr(_learner, "CHUNK_PX", 3 * max(word.pixels.size for word in words))
    apart = method.e_step(words, nobody, lambda phase, done, total: begun.append(done))
    assert begun[0] == 0 and begun[-1] == len(words) and len(begun) > 3
    assert all(after - before >= 3 for before, after in pairwise(begun[:-1]))
    for once, again in zip(together, apart, strict=True):
        np.testing.assert_allclose(again.boxes, once.boxes, atol=1.0)
