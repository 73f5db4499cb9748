"""Whose fault a miss is: the same boxes scored against the reference as it is, and without its pages' own margins.

Who draws boxes by hand draws them closer or looser, page by page; around a full stop of four pixels one pixel more is
too much for IoU 0.5. A page's margin is the median distance, in whole pixels, of its reference's edges from those
found, outward positive; it is taken off every reference box of that page. Only scoring sees it: no box that is found
changes.

python launch.py bench margins [--sets irish,fraktur] [--rounds 1] [--words 500]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from charloc.calibration import auc
from charloc.metrics import scores
from charloc.types import Box, Localization, SourceWord
from charloc.uncertainty import word_uncertainty
from tests.bench._rounds import add_options, check, each_round
from tests.bench._sets import RIGHT_IOU, Set, load
from tests.bench._table import markdown

SETS = ("irish", "fraktur")
OUTWARD = np.array([-1.0, -1.0, 1.0, 1.0])
"""The sign of an edge that moves outward: left, top, right, bottom."""
HEADS = ("set", "page", "words", "margin left, top, right, bottom, px", "word50", "r50", "queue's AUC",
         "without it: word50", "r50", "queue's AUC")  # fmt: skip


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="bench margins", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_options(parser, SETS)
    parser.add_argument("--rounds", type=int, default=0)
    options = parser.parse_args(argv)
    check(options.method, options.init)
    print(markdown(HEADS, []), flush=True)
    for name in options.sets:
        data = load(name, options.words)
        *_, last = each_round(data, options.method, options.init, options.rounds)
        for row in rows(data, last.localizations):
            print(f"| {' | '.join(row)} |", flush=True)


def rows(data: Set, found: Sequence[Localization]) -> list[list[str]]:
    """A row for each page whose reference has a margin, then one for the set."""
    page = [str(each.meta.get("page", "")) for each in data.truth]
    margins = {each: margin(data, found, [other == each for other in page]) for each in dict.fromkeys(page)}
    tight = [without(truth, margins[each]) for truth, each in zip(data.truth, page, strict=True)]
    parts = [
        (name, ", ".join(f"{each:g}" for each in off), [each == name for each in page])
        for name, off in margins.items()
        if off.any()
    ]
    return [
        [data.name, name, str(sum(mine)), off]
        + [cell for truth in (data.truth, tight) for cell in _scored(data, truth, found, mine)]
        for name, off, mine in [*parts, ("all", "", [True] * len(page))]
    ]


def margin(data: Set, found: Sequence[Localization], chosen: Sequence[bool]) -> NDArray[np.float64]:
    """By how much the reference boxes of the chosen words reach beyond those found: float64 (4,), whole px.

    Only words of one code point a character count; zeros where there is none.
    """
    apart = []
    for truth, each, mine in zip(data.truth, found, chosen, strict=True):
        if mine and truth.boxes is not None and len(truth.boxes) == len(each.boxes):
            exact = [k for k, box in enumerate(truth.boxes) if box is not None and k not in truth.approx]
            apart += [np.array(truth.boxes[k]) - each.boxes[k] for k in exact if np.isfinite(each.boxes[k, 0])]
    return np.rint(np.median(apart, axis=0) * OUTWARD) + 0.0 if apart else np.zeros(4)


def without(truth: SourceWord, off: NDArray[np.float64]) -> SourceWord:
    """A word whose boxes have lost a margin; a box too small for that stays as it is."""
    if truth.boxes is None:
        return truth
    boxes: list[Box | None] = []
    for box in truth.boxes:
        x0, y0, x1, y1 = (0.0,) * 4 if box is None else (np.array(box) - off * OUTWARD).tolist()
        boxes.append((x0, y0, x1, y1) if x0 < x1 and y0 < y1 else box)
    return replace(truth, boxes=tuple(boxes))


def _scored(
    data: Set, truth: Sequence[SourceWord], found: Sequence[Localization], mine: Sequence[bool]
) -> list[str]:
    """word50, r50 and how well the queue tells wrong words from right ones, if there are both."""
    some = [i for i, each in enumerate(mine) if each]
    errors = Set(data.name, [data.words[i] for i in some], [truth[i] for i in some]).errors([found[i] for i in some])
    score = scores(errors)
    counts = [len(each) > 0 for each in errors]
    wrong = np.array([bool((each[:, 2] < RIGHT_IOU).any()) for each in errors])[counts]
    doubt = np.array([word_uncertainty(found[i]) for i in some])[counts]
    ranked = auc(doubt, wrong)
    return [f"{score.word50:.4f}", f"{score.r50:.4f}", "" if np.isnan(ranked) else f"{ranked:.3f}"]
