"""Corrected words that rounds do not learn from, so that rounds can be judged by them.

Which words these are is decided by their keys alone: they stay the same from round to round, and on every machine. What
people said of them holds in views and exports like everything else they said.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence

from charloc.types import CharlocError
from db import Correction, Round, Store

SETTING = "held_back_share"
SHARE = 0.1
MOST = 0.5
LEAST_WORDS = 20
"""With fewer corrected words than this, all of them are needed to learn from."""


def share_wanted(store: Store) -> float:
    """The share of corrected words that people want held back."""
    return float(store.setting(SETTING, SHARE))


def set_share(store: Store, share: float) -> None:
    """Hold back this share from the next round on.

    Raises:
        CharlocError: it is not in 0..`MOST`.
    """
    if not 0 <= share <= MOST:
        raise CharlocError(
            f"A share of {share:g} cannot be held back: give a number from 0 to {MOST}, such as {SHARE}."
        )
    store.set_setting(SETTING, float(share))


def share_in_force(store: Store, corrections: Mapping[int, Correction]) -> float:
    """The share that a round which begins with these corrections holds back."""
    with_boxes = sum(each.kind == "boxes" for each in corrections.values())
    return share_wanted(store) if with_boxes >= LEAST_WORDS else 0.0


def is_held_back(key: str, share: float) -> bool:
    """Whether the word with this key belongs to the share. A larger share holds back the same words and more."""
    drawn = int(hashlib.sha256(f"held back {key}".encode()).hexdigest()[:13], 16)
    return drawn < share * 16**13


def held_back(store: Store, corrections: Mapping[int, Correction], share: float) -> set[int]:
    """The ids of the words with corrected boxes that a round with this share does not learn from."""
    with_boxes = [id for id, each in corrections.items() if each.kind == "boxes"]
    return {word.id for word in store.words(with_boxes) if is_held_back(word.key, share)} if share else set()


def unlearned(store: Store, line: Sequence[Round], word_ids: Collection[int]) -> set[int]:
    """Those of some corrected words that no round of a line has learned from: they came later, or were held back."""
    first = store.first_corrected(list(word_ids))
    words = store.words(list(first))
    return {
        word.id
        for word in words
        if not any(
            first[word.id] <= each.corrections_upto and not is_held_back(word.key, each.heldback_share or 0.0)
            for each in line
        )
    }
