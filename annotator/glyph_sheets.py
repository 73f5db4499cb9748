"""Sheets of every crop of one character, and the pictures ("atlases") that hold 200 crops each."""

from __future__ import annotations

import hashlib
import io
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from charloc.glyphs import glyph
from charloc.images import decode
from charloc.types import ImageError
from db import Store
from db.glyphs import Holder

PER_ATLAS = 200
COLUMNS = 20
"""Of crops in an atlas."""
X_HEIGHT_PX = 26
"""Letters are shown at such a size that an x would be so high."""
OUTSIDE = 0.35
"""So much is left of the contrast of what stands outside the box."""
QUALITY = 85
SHEETS_KEPT, ATLASES_KEPT = 12, 48
Order = Literal["unusual", "unsure", "import"]
STATES = ("untouched", "accepted", "pinned", "invisible", "flagged")


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """All n crops of one character, in the order in which they are shown.

    Args:
        name: the same for sheets of the same crops in the same order and pictures.
        cell: width and height of a crop's place in an atlas, px.
        word, index, correction: int64 (n,), the word, which of its characters, and the decision in force (0: none).
        keys: of the words, n.
        boxes: float32 (n, 4), xyxy, px of the word's picture.
        x_height: float32 (n,), of the word's letters, px.
        oddity, confidence: float32 (n,); NaN where it is not known.
        state: uint8 (n,), an index into `STATES`.
        atlases: names of the pictures that hold them, 200 each: what is in one never changes.
    """

    name: str
    cell: tuple[int, int]
    word: NDArray[np.int64]
    index: NDArray[np.int64]
    correction: NDArray[np.int64]
    keys: tuple[str, ...]
    boxes: NDArray[np.float32]
    x_height: NDArray[np.float32]
    oddity: NDArray[np.float32]
    confidence: NDArray[np.float32]
    state: NDArray[np.uint8]
    atlases: tuple[str, ...]


class GlyphSheets:
    """Makes sheets and atlases, and keeps the latest.

    Args:
        store: the project's store.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._sheets: OrderedDict[tuple[object, ...], Sheet] = OrderedDict()
        self._drawn: OrderedDict[str, bytes] = OrderedDict()
        self._lock = Lock()

    def sheet(self, round_id: int, character: str, order: Order, unseen: Collection[int] = ()) -> Sheet:
        """The crops of a character as a round, and people since, have them.

        Args:
            unseen: ids of words that are left out: those who ask must not see what others said of them.
        """
        left_out = frozenset(unseen)
        key = (round_id, character, order, self._store.change_mark(), self._store.has_oddities(round_id), left_out)
        with self._lock:
            if key in self._sheets:
                self._sheets.move_to_end(key)
                return self._sheets[key]
        holders = [each for each in self._store.holders(round_id, character) if each.word_id not in left_out]
        made = make_sheet(holders, character, order)
        with self._lock:
            self._sheets[key] = made
            while len(self._sheets) > SHEETS_KEPT:
                self._sheets.popitem(last=False)
        return made

    def gone_on_with(self, name: str, now: Sheet) -> Sheet | None:
        """The sheet of this name, which somebody sees a part of, with what people said since.

        What is asked for in parts keeps its order and its pictures: people correct, and rounds finish, in between.

        Args:
            name: of the sheet.
            now: that of the same character as it would be shown now.

        Returns:
            None if it is not kept any more.
        """
        if now.name == name:
            return now
        with self._lock:
            key = next((key for key, each in reversed(self._sheets.items()) if each.name == name), None)
            if key is None:
                return None
            self._sheets.move_to_end(key)
            return brought_up(self._sheets[key], now)

    def atlas(self, name: str) -> bytes | None:
        """The picture of this name as JPEG; None if no sheet that is kept has it."""
        with self._lock:
            if name in self._drawn:
                self._drawn.move_to_end(name)
                return self._drawn[name]
            of = next((each for each in reversed(self._sheets.values()) if name in each.atlases), None)
        if of is None:
            return None
        drawn = draw_atlas(self._store, of, of.atlases.index(name))
        with self._lock:
            self._drawn[name] = drawn
            while len(self._drawn) > ATLASES_KEPT:
                self._drawn.popitem(last=False)
        return drawn


def make_sheet(holders: Sequence[Holder], character: str, order: Order) -> Sheet:
    """The crops of a character, ordered."""
    rows: list[tuple[int, int, int, int]] = []
    keys: list[str] = []
    numbers: list[tuple[float, ...]] = []
    for each in holders:
        at = [i for i, mine in enumerate(each.characters) if mine == character]
        if len(each.boxes) != len(each.characters):
            continue
        boxes, states = _present(each)
        x_height = _x_height(each.characters, boxes)
        for i in at:
            if np.isnan(boxes[i, 0]):
                continue
            rows.append((each.word_id, i, each.correction_id or 0, STATES.index(states[i])))
            keys.append(each.key)
            odd = float("nan") if each.oddity is None else float(each.oddity[i])
            numbers.append((*boxes[i].tolist(), x_height, odd, float(each.confidence[i])))
    table = np.array(rows, np.int64).reshape(-1, 4)
    values = np.array(numbers, np.float32).reshape(-1, 7)
    first = {"unusual": -np.nan_to_num(values[:, 5], nan=-1.0), "unsure": np.nan_to_num(values[:, 6])}
    turn = np.lexsort((table[:, 1], table[:, 0], first.get(order, np.zeros(len(table), np.float32))))
    table, values, keys = table[turn], values[turn], [keys[at] for at in turn]
    cell = _cell(character, values)
    atlases = []
    for start in range(0, len(table), PER_ATLAS):
        part = slice(start, start + PER_ATLAS)
        content = repr((cell, keys[part])).encode() + table[part, :2].tobytes() + values[part, :5].tobytes()
        atlases.append(hashlib.sha256(content).hexdigest()[:32])
    name = hashlib.sha256(repr((character, cell, atlases)).encode()).hexdigest()[:32]
    return Sheet(
        name, cell, table[:, 0], table[:, 1], table[:, 2], tuple(keys), values[:, :4],
        values[:, 4], values[:, 5], values[:, 6], table[:, 3].astype(np.uint8), tuple(atlases),
    )  # fmt: skip


def brought_up(then: Sheet, now: Sheet) -> Sheet:
    """A sheet with the decisions and states of a newer one; crops that it has no more stay as they were."""
    at = {place: row for row, place in enumerate(zip(now.word.tolist(), now.index.tolist(), strict=True))}
    pairs = enumerate(zip(then.word.tolist(), then.index.tolist(), strict=True))
    both = np.array([(row, at[place]) for row, place in pairs if place in at], np.int64).reshape(-1, 2)
    correction, state = then.correction.copy(), then.state.copy()
    correction[both[:, 0]], state[both[:, 0]] = now.correction[both[:, 1]], now.state[both[:, 1]]
    return replace(then, correction=correction, state=state)


def _present(each: Holder) -> tuple[NDArray[np.float32], list[str]]:
    """Boxes and states of a word's characters as they hold now."""
    boxes, states = each.boxes.copy(), ["untouched"] * len(each.characters)
    if len(each.marks) == len(states):
        for i, mark in enumerate(each.marks):
            states[i] = mark.state
            if mark.state == "invisible":
                boxes[i] = np.nan
            elif mark.state != "untouched" and mark.box is not None:
                boxes[i] = mark.box
    for i in each.flagged:
        if i < len(states):
            states[i] = "flagged"
    return boxes, states


def _x_height(characters: Sequence[str], boxes: NDArray[np.float32]) -> float:
    """The height of a word's x, px, told by its boxes and the usual heights of its letters."""
    usual = np.array([max(each.top - each.bottom, 0.2) for each in map(glyph, characters)])
    heights = (boxes[:, 3] - boxes[:, 1]) / usual
    known = heights[~np.isnan(heights)]
    return float(np.clip(np.median(known), 2.0, 400.0)) if len(known) else 20.0


def _cell(character: str, values: NDArray[np.float32]) -> tuple[int, int]:
    """Room for the usual crop of the character with something around it."""
    if not len(values):
        return X_HEIGHT_PX * 2, X_HEIGHT_PX * 3
    width = np.median((values[:, 2] - values[:, 0]) / values[:, 4])
    height = np.median((values[:, 3] - values[:, 1]) / values[:, 4])
    high, wide = (float(np.clip(each + 1.0, low, 5.0)) for each, low in ((height, 2.2), (width, 1.6)))
    return round(wide * X_HEIGHT_PX), round(high * X_HEIGHT_PX)


def draw_atlas(store: Store, sheet: Sheet, number: int) -> bytes:
    """200 crops in rows of `COLUMNS`, as JPEG: each in the middle of its place, what is outside its box faint."""
    part = range(number * PER_ATLAS, min((number + 1) * PER_ATLAS, len(sheet.word)))
    wide, high = sheet.cell
    rows = -(-len(part) // COLUMNS)
    atlas = Image.new("L", (COLUMNS * wide, rows * high), 255)
    ids = [int(sheet.word[at]) for at in part]
    images = store.images_of(sorted(set(ids)))
    decoded: dict[int, NDArray[np.uint8]] = {}
    for place, (at, id) in enumerate(zip(part, ids, strict=True)):
        try:
            pixels = decoded.setdefault(id, decode(images[id], str(id))) if id not in decoded else decoded[id]
        except (ImageError, KeyError):
            continue  # it stays white
        crop = _crop(pixels, sheet.boxes[at], X_HEIGHT_PX / float(sheet.x_height[at]), sheet.cell)
        atlas.paste(crop, (place % COLUMNS * wide, place // COLUMNS * high))
    out = io.BytesIO()
    atlas.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


def _crop(pixels: NDArray[np.uint8], box: NDArray[np.float32], zoom: float, cell: tuple[int, int]) -> Image.Image:
    x0, y0, x1, y1 = (float(edge) for edge in box)
    # What is far larger than its likes is shown whole all the same.
    zoom = min(zoom, 0.95 * cell[0] / max(x1 - x0, 1.0), 0.95 * cell[1] / max(y1 - y0, 1.0))
    left, top = (x0 + x1) / 2 - cell[0] / 2 / zoom, (y0 + y1) / 2 - cell[1] / 2 / zoom
    height, width = pixels.shape
    window = (
        max(int(left), 0), max(int(top), 0),
        min(int(np.ceil(left + cell[0] / zoom)), width), min(int(np.ceil(top + cell[1] / zoom)), height),
    )  # fmt: skip
    paper = float(np.median(pixels))
    seen = np.full((cell[1], cell[0]), round(paper), np.uint8)
    canvas = Image.fromarray(seen)
    if window[2] > window[0] and window[3] > window[1]:
        part = Image.fromarray(pixels[window[1] : window[3], window[0] : window[2]])
        size = (max(round((window[2] - window[0]) * zoom), 1), max(round((window[3] - window[1]) * zoom), 1))
        canvas.paste(part.resize(size, Image.Resampling.BOX if zoom < 0.5 else Image.Resampling.BILINEAR),
                     (round((window[0] - left) * zoom), round((window[1] - top) * zoom)))  # fmt: skip
    faint = np.asarray(canvas, np.float32)
    inside = np.zeros((cell[1], cell[0]), bool)
    edges = [round(each) for each in ((x0 - left) * zoom, (y0 - top) * zoom, (x1 - left) * zoom, (y1 - top) * zoom)]
    inside[max(edges[1], 0) : max(edges[3], edges[1] + 1), max(edges[0], 0) : max(edges[2], edges[0] + 1)] = True
    shown = np.where(inside, faint, paper + OUTSIDE * (faint - paper))
    return Image.fromarray(np.clip(shown, 0, 255).astype(np.uint8))
