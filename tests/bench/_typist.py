"""A simulated person who corrects words in the editor by keys alone, with the true boxes before their eyes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from playwright.sync_api import Page

from charloc.metrics import iou
from tests.bench._sets import RIGHT_IOU
from tests.browser.looking import marks, selected

Box = tuple[float, float, float, float]
NEAR_PX = 1
"""So far from the true edge is near enough: a person does not see less."""

MOST_PASSES = 4
FAR = 4000
"""Px; no image is wider."""

AXES = (("ArrowLeft", "ArrowRight"), ("ArrowUp", "ArrowDown"))
PRESSES = np.array([min(n // 5 + n % 5, n // 5 + 1 + 5 - n % 5) for n in range(FAR)])
"""How many keys move an edge by n px: Shift with an arrow moves by five, and one may go too far and back."""


@dataclass(slots=True)
class Work:
    """What one word took.

    Args:
        keys: pressed, the last one (Enter) too.
        placed: characters that the person placed.
        wrong_before: characters that were wrong as the word came.
        wrong_after: as it was left.
        repaired, spoilt: characters nobody had placed that became right, or wrong, by following.
    """

    keys: int = 0
    placed: int = 0
    wrong_before: int = 0
    wrong_after: int = 0
    repaired: int = 0
    spoilt: int = 0


def correct(page: Page, truth: Mapping[int, Box], live: bool) -> Work:
    """Correct the word in hand and accept it: every character that is wrong is placed, the nearest first.

    Args:
        truth: true boxes, by character; characters without one are not judged.
        live: wait after each character for where the others go.
    """
    work = Work(wrong_before=len(_wrong(marks(page), truth)))
    count = len(marks(page))
    placed: set[int] = set()
    while wrong := _wrong(marks(page), truth) - placed:
        at = selected(page)
        index = min(wrong, key=lambda i: min((i - at) % count, (at - i) % count))
        forward = (index - at) % count <= (at - index) % count
        while selected(page) != index:
            _press(page, work, "Tab" if forward else "Shift+Tab")
        _place(page, work, index, truth[index])
        placed.add(index)
        if live:
            page.wait_for_function("!charloc.live.asking && !charloc.live.wanted")
            now = _wrong(marks(page), truth) - placed
            work.repaired += len(wrong - placed - now)
            work.spoilt += len(now - wrong)
    work.placed = len(placed)
    work.wrong_after = len(_wrong(marks(page), truth))
    word = page.evaluate("charloc.entry.word.id")
    _press(page, work, "Enter")
    page.wait_for_function("(id) => charloc.entry?.word.id !== id", arg=word)
    return work


def _wrong(said: list[dict[str, Any]], truth: Mapping[int, Box]) -> set[int]:
    return {i for i, box in truth.items() if not said[i]["box"] or iou([said[i]["box"]], [box])[0] < RIGHT_IOU}


def _place(page: Page, work: Work, index: int, true: Box) -> None:
    if not marks(page)[index]["box"]:
        _press(page, work, "b")
    for _ in range(MOST_PASSES):
        shown = np.array(marks(page)[index]["box"])
        away = np.subtract(true, shown)
        if np.abs(away).max() <= NEAR_PX:
            return
        for axis, names in enumerate(AXES):
            for modifier, by in plan(float(away[axis]), float(away[axis + 2])):
                _move(page, work, modifier, by, names)


def plan(low: float, high: float) -> list[tuple[str, int]]:
    """The fewest key presses that bring both edges of a side near enough: (modifier, px) of each part.

    The whole box first, then what grows, then what shrinks: an edge stops at the opposite one.
    """
    best: tuple[int, int, int, int] | None = None
    reach = sorted((round(low), round(high)))
    for both in range(min(reach[0], 0) - 5, max(reach[1], 0) + 6):
        first, last = _nearest(low - both), _nearest(high - both)
        keys = int(PRESSES[abs(both)] + PRESSES[abs(first)] + PRESSES[abs(last)])
        if best is None or keys < best[0]:
            best = (keys, both, first, last)
    assert best is not None
    _, both, first, last = best
    edges = [("Alt+", first), ("Control+", last)]
    if last > 0:
        edges.reverse()
    return [("", both), *edges]


def _nearest(px: float) -> int:
    """The move that takes fewest keys of those that end near enough."""
    least, most = int(np.ceil(px - NEAR_PX)), int(np.floor(px + NEAR_PX))
    return min(range(least, most + 1), key=lambda n: (int(PRESSES[abs(n)]), abs(n - px)))


def _move(page: Page, work: Work, modifier: str, px: int, names: tuple[str, str]) -> None:
    size = abs(px)
    fives, ones = divmod(size, 5)
    back = ones > 3  # five and one back is less than four
    forth, other = (names[1], names[0]) if px > 0 else names
    for _ in range(fives + back):
        _press(page, work, f"{modifier}Shift+{forth}")
    for _ in range(5 - ones if back else ones):
        _press(page, work, modifier + (other if back else forth))


def _press(page: Page, work: Work, key: str) -> None:
    page.keyboard.press(key)
    work.keys += 1
