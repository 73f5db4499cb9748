"""How much of its edges a picture loses that is made black and white: what `charloc.rim` gives back half of.

Single letters are rendered, blurred as a scanner blurs, and cut at half of full ink; their true boxes hold what is
covered by a quarter or more, before the blur. Printed is how far the true box reaches beyond what is black, px.

python launch.py bench rim [--fonts FOLDER] [--letters 400] [--seed 5]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from charloc.faces import Face, find_faces
from charloc.synth import WORDS, Degradation, load_font, render
from tests.bench._table import markdown

BLURS_PX = (0.0, 0.4, 0.8, 1.2)
"""From none to the most that a hard rendered word has (`Degradation.draw`)."""
SIZES_PX = (22.0, 46.0)
HEADS = ("blur, px", "letters", "left", "top", "right", "bottom", "mean", "nothing lost", "a pixel", "more")


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="bench rim", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fonts", type=Path, help="a folder of fonts; none: the one that Pillow has built in")
    parser.add_argument("--letters", type=int, default=400)
    parser.add_argument("--seed", type=int, default=5)
    options = parser.parse_args(argv)
    faces = find_faces([options.fonts]) if options.fonts else []
    print(markdown(HEADS, []), flush=True)
    every = []
    for blur in BLURS_PX:
        every.append(lost(faces, blur, options.letters, np.random.default_rng(options.seed)))
        print(f"| {' | '.join(_row(f'{blur:g}', every[-1]))} |", flush=True)
    print(f"| {' | '.join(_row('all', np.concatenate(every)))} |", flush=True)


def lost(faces: Sequence[Face], blur: float, letters: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """By how much the true box of each of so many letters reaches beyond what is black: (n, 4), px, n <= `letters`.

    A letter of which nothing is black does not count.
    """
    rows = []
    for _ in range(letters):
        word = WORDS[rng.integers(len(WORDS))]
        letter = word[rng.integers(len(word))]
        file = faces[int(rng.integers(len(faces)))].file(letter) if faces else None
        font = load_font(file, float(rng.uniform(*SIZES_PX)))
        drawn = render(letter, font, rng, Degradation(blur_px=blur))
        black = drawn.pixels < 128
        columns, rows_of = np.flatnonzero(black.any(axis=0)), np.flatnonzero(black.any(axis=1))
        if len(columns):
            x0, y0, x1, y1 = drawn.boxes[0]
            rows.append((columns[0] - x0, rows_of[0] - y0, x1 - columns[-1] - 1, y1 - rows_of[-1] - 1))
    return np.array(rows, dtype=np.float64).reshape(-1, 4)


def _row(name: str, off: NDArray[np.float64]) -> list[str]:
    sides = [f"{each:.2f}" for each in off.mean(axis=0)]
    shares = [f"{each:.0%}" for each in ((off <= 0).mean(), (off == 1).mean(), (off > 1).mean())]
    return [name, str(len(off)), *sides, f"{off.mean():.2f}", *shares]
