"""Do wrong boxes and letters stand out among their likes? Errors are planted in the guess's boxes of a set.

Of all characters 5 % are spoilt: their box is moved by .4 to .8 of its width, made half or 1.8 times as wide, or the
character is called by another's name. What the guess itself has wrong counts as right here, so that figures are low.

python launch.py bench oddity [--sets irish fraktur] [--words N]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from charloc import em
from charloc.calibration import auc
from charloc.oddity import oddity
from charloc.types import Localization, WordImage
from tests.bench._sets import load

SHARE = 0.05
KINDS = ("moved", "resized", "misnamed")


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench oddity", description=__doc__)
    parser.add_argument("--sets", nargs="+", default=["irish", "fraktur", "rendered_hard"])
    parser.add_argument("--words", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(argv)
    asked = "| set | characters | planted | AUC | moved | resized | misnamed | planted among the first 100 | seconds |"
    print(asked + "\n" + "|---" * 9 + "|")
    for name in options.sets:
        words = load(name, options.words).words
        found = em.first_guess(words, [()] * len(words), first="guess")
        print(f"| {name} | {' | '.join(_row(words, found, options.seed))} |", flush=True)


def _row(words: Sequence[WordImage], found: Sequence[Localization], seed: int) -> list[str]:
    spoilt, boxes, kinds = plant(words, found, np.random.default_rng(seed))
    started = time.process_time()
    values = np.concatenate(oddity(spoilt, boxes))
    seconds = time.process_time() - started
    kind = np.concatenate(kinds)[~np.isnan(values)]
    values = values[~np.isnan(values)]
    each = [f"{auc(values[(kind == 0) | (kind == k)], kind[(kind == 0) | (kind == k)] == k):.3f}" for k in (1, 2, 3)]
    first = (kind[np.argsort(-values)[:100]] > 0).sum()
    return [
        str(len(values)),
        str((kind > 0).sum()),
        f"{auc(values, kind > 0):.3f}",
        *each,
        str(first),
        f"{seconds:.1f}",
    ]


def plant(
    words: Sequence[WordImage], found: Sequence[Localization], rng: np.random.Generator
) -> tuple[list[WordImage], list[NDArray[np.float32]], list[NDArray[np.int64]]]:
    """The words with some characters spoilt, their boxes, and for each character 0 or 1 + its index in `KINDS`."""
    names = sorted({each for word in words for each in word.characters if each.strip()})
    all_boxes, kinds, spoilt = [], [], []
    for word, localization in zip(words, found, strict=True):
        boxes, characters = localization.boxes.copy(), list(word.characters)
        kind = np.zeros(len(boxes), np.int64)
        for i in np.flatnonzero(~np.isnan(boxes[:, 0]) & (rng.random(len(boxes)) < SHARE)):
            kind[i] = rng.integers(1, len(KINDS) + 1)
            x0, _, x1, _ = boxes[i]
            wide, middle = x1 - x0, (x0 + x1) / 2
            if kind[i] == 1:
                boxes[i, [0, 2]] += rng.choice([-1, 1]) * rng.uniform(0.4, 0.8) * wide
            elif kind[i] == 2:
                half = wide * rng.choice([0.5, 1.8]) / 2
                boxes[i, [0, 2]] = middle - half, middle + half
            else:
                characters[i] = str(rng.choice([each for each in names if each != characters[i]]))
        spoilt.append(replace(word, characters=tuple(characters)))
        all_boxes.append(boxes)
        kinds.append(kind)
    return spoilt, all_boxes, kinds
