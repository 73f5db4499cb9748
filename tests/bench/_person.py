"""A simulated person: corrects the words that are offered, with the true boxes.

The only place of a benchmark, besides scoring, where a true box is seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

import numpy as np

from charloc.boxes import with_pins
from charloc.metrics import to_array
from charloc.text import code_points_per_character, is_space
from charloc.types import CharlocError, Localization, Pin, Pins, SourceWord, WordImage
from charloc.uncertainty import word_uncertainty

SHARE = 0.02
"""How many of the words the person corrects."""


def queue(localizations: Sequence[Localization]) -> list[int]:
    """Indices of words, the least certain first; equally certain ones in their own order."""
    return sorted(range(len(localizations)), key=lambda i: -word_uncertainty(localizations[i]))


ORDERS = ("queue", "least", "random")
"""Orders in which words are offered: as the application does; by the least certain character alone; by chance."""


def order(name: str, localizations: Sequence[Localization], seed: int = 0) -> list[int]:
    """Indices of words as the order of that name offers them; `seed` is of chance.

    Raises:
        CharlocError: there is no such order.
    """
    if name == "queue":
        return queue(localizations)
    if name == "least":
        # What has no box has no say: a space's confidence is of where words part.
        placed = [each.confidence[~np.isnan(each.boxes[:, 0])] for each in localizations]
        return sorted(range(len(placed)), key=lambda i: float(placed[i].min()) if len(placed[i]) else 0.0)
    if name == "random":
        return np.random.default_rng(seed).permutation(len(localizations)).tolist()
    raise CharlocError(f"There is no order '{name}'. Choose some of: {', '.join(ORDERS)}.")


def true_pins(word: WordImage, truth: SourceWord) -> Pins:
    """The true box of every character whose box is exact.

    Args:
        word: L characters.
        truth: the same word with one box per code point; a character of several gets the box around theirs.

    Returns:
        At most L pins; none where a character other than a space has no reference box: that word would be skipped
        by a person too.
    """
    ends = [0, *accumulate(code_points_per_character(word.characters))]
    if truth.boxes is None or ends[-1] != len(truth.boxes):
        return ()
    pins: list[Pin] = []
    for index, (first, last) in enumerate(pairwise(ends)):
        parts = truth.boxes[first:last]
        if is_space(word.characters[index]):
            continue
        if None in parts:
            return ()
        if not any(i in truth.approx for i in range(first, last)):
            rows = to_array(parts)
            x0, y0, x1, y1 = (*rows[:, :2].min(axis=0).tolist(), *rows[:, 2:].max(axis=0).tolist())
            pins.append(Pin(index, (x0, y0, x1, y1)))
    return tuple(pins)


def correct(
    words: Sequence[WordImage],
    truth: Sequence[SourceWord],
    localizations: Sequence[Localization],
    share: float = SHARE,
    offered: Sequence[int] | None = None,
) -> list[Pins]:
    """Pins of N words after the person has worked off the head of the queue.

    Args:
        words, truth, localizations: N each, of the same words.
        share: of the words that are corrected, at least one; fewer where the references give out.
        offered: indices of the words in the order they come; the queue's if None.

    Returns:
        N tuples, empty for words the person did not touch.
    """
    pins: list[Pins] = [()] * len(words)
    left = max(1, round(share * len(words)))
    for i in queue(localizations) if offered is None else offered:
        if left == 0:
            break
        pins[i] = true_pins(words[i], truth[i])
        left -= bool(pins[i])
    return pins


def corrected(localizations: Sequence[Localization], pins: Sequence[Pins]) -> list[Localization]:
    """The localizations as they are exported: pinned characters as pinned, whether or not the method honours pins."""
    return [with_pins(each, facts) if facts else each for each, facts in zip(localizations, pins, strict=True)]
