"""What a person's corrections do on one set: a round before, a round after them, and the same round without them."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import compress, groupby
from pathlib import Path

import numpy as np

from charloc import em
from charloc.em import RoundResult
from charloc.methods import make
from charloc.metrics import iou, scores
from charloc.types import Localization, Pin, Pins
from tests.bench._jobs import Record
from tests.bench._one_job import Found, keep, kept_by
from tests.bench._person import correct, corrected, order, true_pins
from tests.bench._rounds import go_on, start
from tests.bench._sets import RIGHT_IOU, Set, load
from tests.bench._stamp import stamp

SOUND = 200
"""Words that are right in which one pin is tried; evenly spread, or all there are."""


@dataclass(frozen=True, slots=True)
class Case:
    """One run: the words of a set that come first in an order are corrected, then there is one more round.

    Args:
        set, method, init: names.
        order: one of `_person.ORDERS`; "" for the experiment of single pins, which has no share either.
        share: of the set's words.
        words: at most so many, evenly spread; None: all.
        seed: of the order by chance.
    """

    set: str
    method: str
    init: str
    order: str
    share: float
    words: int | None
    seed: int

    @property
    def base(self) -> str:
        """What makes two cases start from the same round; also the name of its files."""
        return "-".join(map(str, ("effort", self.set, self.method, self.init, self.words or "all")))

    @property
    def key(self) -> str:
        return f"{self.base}-{self.order or 'pins'}-{self.share:g}-{self.seed}"


def run(cases: Sequence[Case], kept: Path, again: bool) -> Iterator[Record]:
    """The results of cases of one set, one by one. Those of one start share the rounds without corrections, which are
    kept; they stand side by side."""
    data = load(cases[0].set, cases[0].words)
    for _, some in groupby(cases, key=lambda case: case.base):
        before: RoundResult | None = None
        control: list[Localization] | None = None
        for case in some:
            before = before or _before(data, case, kept, again)
            if case.order and control is None:
                control = _control(data, case, before, kept, again)
            if case.order:
                say(f"{case.set}: {case.order}, {case.share:.1%}")
                measured = one(data, case, before, control or [])
            else:
                say(f"{case.set}: single pins, {case.init}")
                measured = single_pins(data, case, before)
            yield {"key": case.key, **asdict(case), **measured}


def _before(data: Set, case: Case, kept: Path, again: bool) -> RoundResult:
    """The round before anyone was asked."""
    folder = kept / _name(case)
    return _kept_or(folder, case, again, lambda: go_on(data, case.method, case.init, start(data, case.init)))


def _control(data: Set, case: Case, before: RoundResult, kept: Path, again: bool) -> list[Localization]:
    """Where one more round without corrections puts the characters."""
    folder = kept / f"{_name(case)}-control"
    return _kept_or(folder, case, again, lambda: go_on(data, case.method, case.init, before)).localizations


def _name(case: Case) -> str:
    # What another revision learned is not what these rounds start from.
    return f"{case.base}-{stamp()['revision']}"


def _kept_or(folder: Path, case: Case, again: bool, make_it: Callable[[], RoundResult]) -> RoundResult:
    if again:
        shutil.rmtree(folder, ignore_errors=True)
    if not folder.is_dir():
        say(f"{case.set}: {folder.name}")
        result = make_it()
        keep(folder, case.method, Found(result.localizations, result.checkpoint, result.e_step_s, result.m_step_s))
    # Read back even if it was just made: a run that goes on sees the very same.
    found = kept_by(folder, case.method)
    return RoundResult(found.localizations, found.learned, 0.0, 0, 0.0, 0.0, {})


def one(data: Set, case: Case, before: RoundResult, control: Sequence[Localization]) -> Record:
    """What one more round makes of the words after corrections, and of those words what it makes without."""
    offered = order(case.order, before.localizations, case.seed)
    pins = correct(data.words, data.truth, before.localizations, case.share, offered) if case.share else []
    asked = [bool(each) for each in pins] or [False] * len(data.words)
    after = control
    if any(asked):
        after = corrected(go_on(data, case.method, case.init, before, pins).localizations, pins)
    others = [not each for each in asked]
    steps = {"before": before.localizations, "control": control, "after": after}
    return {
        "asked": {"words": sum(asked), "characters": sum(map(len, pins)), **_of(data, before.localizations, asked)},
        "others": {name: _of(data, found, others) for name, found in steps.items()},
        "all": {name: _of(data, found, [True] * len(asked)) for name, found in steps.items()},
    }


def _of(data: Set, found: Sequence[Localization], chosen: Sequence[bool]) -> Record:
    """The scores of some images, and how many of them, and of the words in them, have a wrong character."""
    each = list(compress(data.errors(found), chosen))
    score = scores(each)
    parts = list(compress(data.parts(found), chosen))
    wrong = sum(bool((errors[:, 2] < RIGHT_IOU).any()) for errors in each)
    total, right = (sum(part[k] for part in parts) for k in (0, 1))
    rounded = score.rounded()
    return {
        "scored": score.words, "wrong": wrong, "word50": rounded["word50"], "r50": rounded["r50"],
        "parts": total, "parts_wrong": total - right,
    }  # fmt: skip


def single_pins(data: Set, case: Case, before: RoundResult) -> Record:
    """What one pin in a word that has wrong characters does to its other characters.

    The wrong character that the method is least sure of is pinned to its true box, and the word is solved again with
    what was learned before; nothing is learned from the pin. The same of any character of `SOUND` words that are right:
    there a pin has nothing to repair, but much to spoil.
    """
    truth = [true_pins(word, each) for word, each in zip(data.words, data.truth, strict=True)]
    wrong: list[tuple[int, Pin]] = []
    sound: list[tuple[int, Pin]] = []
    rng = np.random.default_rng(case.seed)
    for i, facts in enumerate(truth):
        pin = least_sure_wrong(facts, before.localizations[i])
        if pin is not None:
            wrong.append((i, pin))
        elif len(facts) > 1:
            sound.append((i, facts[int(rng.integers(len(facts)))]))
    sound = [sound[k * len(sound) // SOUND] for k in range(SOUND)] if len(sound) > SOUND else sound
    method = make(case.method, before.checkpoint)

    def solved_again(chosen: Sequence[tuple[int, Pin]]) -> np.ndarray:
        anew = em.localize(method, [data.words[i] for i, _ in chosen], [(pin,) for _, pin in chosen])
        rows = [
            neighbours(truth[i], pin, before.localizations[i], found)
            for (i, pin), found in zip(chosen, anew, strict=True)
        ]
        return np.array(rows, np.int64).reshape(-1, 5).T

    others, repaired, spoiled, beside, beside_repaired = solved_again(wrong)
    of_sound = solved_again(sound)[2]
    some = others > 0
    return {
        "pins": len(wrong), "others_wrong": int(others.sum()), "repaired": int(repaired.sum()),
        "spoiled": int(spoiled.sum()), "with_others": int(some.sum()),
        "some_repaired": int((repaired[some] > 0).sum()), "all_repaired": int((repaired == others)[some].sum()),
        "words_right": int(((repaired == others) & (spoiled == 0)).sum()),
        "beside": int(beside.sum()), "beside_repaired": int(beside_repaired.sum()),
        "repaired_counts": np.bincount(repaired).tolist(),
        "sound": len(sound), "sound_spoiled": int((of_sound > 0).sum()), "sound_others_spoiled": int(of_sound.sum()),
    }  # fmt: skip


def least_sure_wrong(truth: Pins, found: Localization) -> Pin | None:
    """The true box of the wrong character that the method is least sure of; None where all are right."""
    wrong = [pin for pin, right in zip(truth, _right(truth, found), strict=True) if not right]
    return min(wrong, key=lambda pin: float(found.confidence[pin.index]), default=None)


def neighbours(truth: Pins, pin: Pin, before: Localization, after: Localization) -> tuple[int, int, int, int, int]:
    """What becomes of a word's other characters.

    Returns:
        How many were wrong, how many of those are right now, how many of those that were right are wrong; then the
        first two of those alone that stand right beside the pinned one.
    """
    away = np.array([abs(each.index - pin.index) for each in truth], np.int64)
    was, now = _right(truth, before), _right(truth, after)
    wrong, repaired, spoiled = (away > 0) & ~was, (away > 0) & ~was & now, (away > 0) & was & ~now
    beside = away == 1
    return (
        int(wrong.sum()), int(repaired.sum()), int(spoiled.sum()),
        int((wrong & beside).sum()), int((repaired & beside).sum()),
    )  # fmt: skip


def _right(truth: Pins, found: Localization) -> np.ndarray:
    boxes = np.array([pin.box for pin in truth], np.float64).reshape(-1, 4)
    return iou(boxes, found.boxes[[pin.index for pin in truth]]) >= RIGHT_IOU


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
