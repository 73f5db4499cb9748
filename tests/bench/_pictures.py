"""Pictures of what is left wrong. Of development data: they are for looking at, never for the repository."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from charloc.types import CharlocError, Localization
from tests.bench._sets import ROOT, Set, judge

TRUE, RIGHT, WRONG = "#009E73", "#0072B2", "#D55E00"
HEIGHT_PX, WIDTH_PX, CAPTION_PX, GAP_PX = 96, 1600, 18, 8


def check_folder(folder: Path) -> None:
    """Refuse a folder that a commit could take in.

    Raises:
        CharlocError: it is in the checkout, elsewhere than in `.bench`.
    """
    path = folder.resolve()
    if path.is_relative_to(ROOT) and not path.is_relative_to(ROOT / ".bench"):
        raise CharlocError(f"--pictures {folder}: development data must not get into the repository. Try .bench/left.")


def worst(data: Set, found: Sequence[Localization], most: int) -> list[int]:
    """Indices of words with wrong characters, those with the largest share of them first."""
    judged = [judge(*each) for each in zip(data.words, data.truth, found, strict=True)]
    wrong = {i: float((~each.right).mean()) for i, each in enumerate(judged) if not each.right.all()}
    return sorted(wrong, key=lambda i: -wrong[i])[:most]


def draw(data: Set, found: Sequence[Localization], most: int, path: Path) -> int:
    """A sheet of the worst words: true boxes green, those found blue, the wrong ones orange.

    Returns how many there are; without any there is no sheet.
    """
    chosen = worst(data, found, most)
    if not chosen:
        return 0
    rows = _rows([_tile(data, found[i], i) for i in chosen])
    height = sum(max(tile.height for tile in row) + GAP_PX for row in rows) + GAP_PX
    sheet = Image.new("RGB", (WIDTH_PX, height), "white")
    y = GAP_PX
    for row in rows:
        x = GAP_PX
        for tile in row:
            sheet.paste(tile, (x, y))
            x += tile.width + 2 * GAP_PX
        y += max(tile.height for tile in row) + GAP_PX
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)
    return len(chosen)


def _tile(data: Set, found: Localization, index: int) -> Image.Image:
    word, truth = data.words[index], data.truth[index]
    high, wide = word.pixels.shape
    scale = min(HEIGHT_PX / high, (WIDTH_PX - 2 * GAP_PX) / wide)
    picture = Image.fromarray(word.pixels).convert("RGB")
    picture = picture.resize((max(1, round(wide * scale)), max(1, round(high * scale))), Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(picture)
    judged = judge(word, truth, found)
    wrong = set(judged.index[~judged.right].tolist())
    for i, box in enumerate(found.boxes):
        if not np.isnan(box).any():
            outline, width = (WRONG, 2) if i in wrong else (RIGHT, 1)
            pen.rectangle(_scaled(box.tolist(), scale), outline=outline, width=width)
    for true in truth.boxes or ():
        if true is not None:
            pen.rectangle(_scaled(true, scale), outline=TRUE)
    missed = "".join(character if i in wrong else "·" for i, character in enumerate(word.characters))
    caption = f"{index}  {word.text}  {missed}"
    font = ImageFont.load_default(13)
    wide = max(picture.width, min(WIDTH_PX - 2 * GAP_PX, round(font.getlength(caption)) + 4))
    tile = Image.new("RGB", (wide, picture.height + CAPTION_PX), "white")
    tile.paste(picture, (0, CAPTION_PX))
    ImageDraw.Draw(tile).text((2, 0), caption, fill="black", font=font)
    return tile


def _scaled(box: Sequence[float], scale: float) -> list[float]:
    return [each * scale for each in box]


def _rows(tiles: Sequence[Image.Image]) -> list[list[Image.Image]]:
    """Tiles in rows, as many as fit."""
    rows: list[list[Image.Image]] = []
    room = 0
    for tile in tiles:
        if tile.width + GAP_PX > room:
            rows.append([])
            room = WIDTH_PX - GAP_PX
        rows[-1].append(tile)
        room -= tile.width + 2 * GAP_PX
    return rows
