"""A word's picture within the page, with its boxes drawn over it."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from annotator.report.markup import Html, tag
from charloc.images import decode
from charloc.text import visible
from charloc.types import Box, ImageError
from db import Store, Word

LARGEST_PX = 1200
"""A picture wider or higher than this is made smaller before it goes into the page."""
TALL_PX = 64
"""How high a picture is shown, unless it is small."""
LARGEST_SCALE = 2.0


def picture(
    store: Store, word: Word, boxes: Sequence[Box | None] = (), confidence: Sequence[float] = ()
) -> Html:
    """A word's picture; a sentence where it cannot be read.

    Args:
        boxes: one per character, or none at all.
        confidence: of each; the less sure the more a box is dashed.
    """
    try:
        pixels = decode(store.image(word.image_sha)[0], word.name)
    except ImageError as error:
        return tag("p", visible(str(error)), class_="soft")
    height, width = pixels.shape
    drawn = [
        _box(box, character, sure)
        for box, character, sure in zip(boxes, word.characters, confidence, strict=bool(boxes))
        if box is not None
    ]
    scale = min(LARGEST_SCALE, TALL_PX / height)
    image = tag("image", href=_embedded(pixels), width=width, height=height)
    name = tag("title", f"{visible(word.text)} ({word.name})")
    return tag("svg", name, image, *drawn, role="img", class_="word", viewBox=f"0 0 {width} {height}",
               width=round(width * scale), height=round(height * scale))  # fmt: skip


def _box(box: Box, character: str, sure: float) -> Html:
    x0, y0, x1, y1 = box
    title = tag("title", f"{visible(character)}: {sure:.0%} sure")
    kind = "sure" if sure >= 0.9 else "fair" if sure >= 0.5 else "unsure"
    size = {"width": f"{x1 - x0:.1f}", "height": f"{y1 - y0:.1f}"}
    return tag("rect", title, x=f"{x0:.1f}", y=f"{y0:.1f}", class_=kind, **size)


def _embedded(pixels: np.ndarray) -> str:
    picture = Image.fromarray(pixels)
    picture.thumbnail((LARGEST_PX, LARGEST_PX))
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"
