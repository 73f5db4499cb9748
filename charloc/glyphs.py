"""How wide and how tall each character usually is, before anything is learned.

The table `glyphs.tsv` holds, per character, facts measured from ordinary fonts: the ink's width, left side bearing,
advance, top and bottom in units of the font's x-height. It is a weak prior for the first guess, nothing more;
learning replaces it by what the data shows. To make it again:

    python -m charloc.glyphs FONT.ttf [FONT.ttf ...] > charloc/glyphs.tsv
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

RANGES = (
    (0x21, 0x17F),
    (0x218, 0x21B),
    (0x370, 0x3FF),
    (0x400, 0x45F),
    (0x1E00, 0x1FFF),
    (0x2010, 0x2026),
    (0x20AC, 0x20AC),
)
MEASURE_SIZE = 200


class Glyph(NamedTuple):
    """A character's usual measures in x-heights; y is up from the baseline."""

    width: float
    advance: float
    top: float
    bottom: float
    parts: int
    """How many separate pieces of ink it usually has (2 for i, 3 for ä); 0 where unknown."""


UNKNOWN = Glyph(1.0, 1.2, 1.3, 0.0, 0)


@lru_cache(maxsize=1)
def _table() -> dict[str, Glyph]:
    table = {}
    text = files("charloc").joinpath("glyphs.tsv").read_text(encoding="utf-8")
    for line in text.splitlines():
        code, *numbers = line.split("\t")
        width, advance, top, bottom, parts = map(float, numbers)
        table[chr(int(code, 16))] = Glyph(width, advance, top, bottom, int(parts))
    return table


@lru_cache(maxsize=4096)
def glyph(character: str) -> Glyph:
    """Usual measures of a character (a grapheme cluster).

    A cluster that is not in the table has the measures of its base letter, with room for its marks; a letter of an
    unknown script those of `UNKNOWN`.
    """
    table = _table()
    if character in table:
        return table[character]
    decomposed = unicodedata.normalize("NFD", character)
    base = decomposed[0]
    found = table.get(base) or table.get(base.lower()) or UNKNOWN
    marks = [unicodedata.combining(each) for each in decomposed[1:]]
    above, below = any(each >= 230 for each in marks), any(0 < each < 230 for each in marks)
    parts = found.parts + sum(each > 0 for each in marks) if found.parts else 0
    return found._replace(top=found.top + 0.45 * above, bottom=found.bottom - 0.35 * below, parts=parts)


def has_marks(characters: Iterable[str]) -> bool:
    """Whether any character is a small mark (a full stop, a quote), which on its own looks like a speck."""
    return any(each.top - each.bottom < 0.75 for each in map(glyph, characters))


def _measure(character: str, font: ImageFont.FreeTypeFont) -> tuple[float, ...] | None:
    """Width, advance, top, bottom (x-heights) and parts of one character's ink in one font, None if it has none."""
    if bytes(font.getmask(character)) == bytes(font.getmask("\uffff")):
        return None
    canvas = Image.new("L", (6 * MEASURE_SIZE, 4 * MEASURE_SIZE))
    baseline = 2 * MEASURE_SIZE
    ImageDraw.Draw(canvas).text((baseline, baseline), character, font=font, fill=255, anchor="ls")
    ink = np.asarray(canvas) > 96
    if not ink.any():
        return None
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    x_height = -font.getbbox("x", anchor="ls")[1]
    parts = ndimage.label(ink, np.ones((3, 3)))[1]
    pixels = (columns[-1] + 1 - columns[0], font.getlength(character), baseline - rows[0], baseline - rows[-1] - 1)
    return *(each / x_height for each in pixels), parts


def measure(font_paths: list[str]) -> list[str]:
    """Rows of `glyphs.tsv`: the median over the fonts that have the character."""
    fonts = [ImageFont.truetype(path, MEASURE_SIZE) for path in font_paths]
    rows = []
    for low, high in RANGES:
        for code in range(low, high + 1):
            character = chr(code)
            if unicodedata.category(character)[0] in "CZM":
                continue
            measured = [each for font in fonts if (each := _measure(character, font)) is not None]
            if measured:
                numbers = np.median(np.array(measured), axis=0)
                rows.append("\t".join([f"{code:04x}", *(f"{each:.2f}" for each in numbers[:4]), str(int(numbers[4]))]))
    return rows


if __name__ == "__main__":
    print("\n".join(measure(sys.argv[1:])))
