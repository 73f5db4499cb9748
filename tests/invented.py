"""An invented script, in which only what people say can put the first guess right.

Its letter t is two rings side by side; no font has such a t, so the first guess gives it one ring and its neighbour the
other, in every word, and learning from that guess only confirms it. A person puts the t right in a few words and says
nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from charloc.metrics import word_errors
from charloc.synth import Rendered
from charloc.types import Localization, Pin, Pins

RING_PX, LETTER_PX, GAP_PX = 10, 14, 4
INVENTED = "ounx"
CORRECTED = 4


def shape(character: str) -> np.ndarray:
    """The letter's ink, bool (20, W), in lines 3 px wide."""
    ink = np.zeros((20, 2 * RING_PX + GAP_PX if character == "t" else LETTER_PX), bool)
    if character == "t":
        ink[:, :RING_PX] = ink[:, -RING_PX:] = ring(RING_PX)
    elif character == "x":
        ink[8:11] = ink[:, 6:9] = True
    else:
        ink[:] = ring(LETTER_PX)
        if character == "n":
            ink[17:, 3:-3] = False
        elif character == "u":
            ink[:3, 3:-3] = False
    return ink


def ring(width: int) -> np.ndarray:
    ink = np.ones((20, width), bool)
    ink[3:-3, 3:-3] = False
    return ink


def invented_words(count: int) -> list[Rendered]:
    """Words of five letters, t in the middle."""
    rng = np.random.default_rng(0)
    words = []
    for _ in range(count):
        text = "".join([*rng.choice(list(INVENTED), 2), "t", *rng.choice(list(INVENTED), 2)])
        pixels, boxes, x = rng.normal(249, 6, (44, 120)), [], 8
        for character in text:
            ink = shape(character)
            pixels[12:32, x : x + ink.shape[1]][ink] -= 249
            boxes.append((x, 12, x + ink.shape[1], 32))
            x += ink.shape[1] + GAP_PX
        pixels = np.clip(pixels[:, : x + 4], 0, 255).astype(np.uint8)
        words.append(Rendered(text, pixels, np.array(boxes, np.float32), 255 - pixels))
    return words


def said(rendered: Sequence[Rendered]) -> list[Pins]:
    """What the person says: the t of the first `CORRECTED` words, nothing of the others."""
    pins: list[Pins] = [(Pin(2, tuple(each.boxes[2].tolist())),) for each in rendered[:CORRECTED]]
    return pins + [()] * (len(rendered) - len(pins))


def share_right(rendered: Sequence[Rendered], found: Sequence[Localization]) -> float:
    """Of the words nobody touched, the share with every character right."""
    errors = [word_errors(rendered[i].boxes, found[i].boxes) for i in range(CORRECTED, len(rendered))]
    return float(np.mean([(each[:, 2] > 0.7).all() for each in errors]))
