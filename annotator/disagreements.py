"""How far the methods of a project disagree with a round's proposals, character by character."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from charloc.methods import Progress, silent
from charloc.types import Localization, Pins
from charloc.uncertainty import disagreement
from db import Round, Store

CHUNK = 500
"""So many words are compared at a time: what every method proposes for all of them need not fit into memory."""


def disagreements(
    store: Store,
    this: Round,
    ids: Sequence[int],
    localizations: Sequence[Localization],
    pins: Sequence[Pins],
    progress: Progress = silent,
) -> dict[int, NDArray[np.float32]]:
    """Every word's `disagreement` with the newest finished round of each other method.

    Args:
        store: the project's store.
        this: the round that is judged.
        ids, localizations, pins: its N words, what it proposes for them, and what people said of them.
        progress: called with ("save", done, total); may raise to stop.

    Returns:
        By word id; words that no other method has seen are left out.
    """
    rounds = _newest_others(store, this)
    found: dict[int, NDArray[np.float32]] = {}
    seen: list[Mapping[int, Localization]] = []
    for done, (id, localization, facts) in enumerate(zip(ids, localizations, pins, strict=True)):
        if done % CHUNK == 0:
            progress("save", done, len(ids))
            seen = [store.proposals(each.id, ids[done : done + CHUNK]) for each in rounds]
        others = [proposals[id] for proposals in seen if id in proposals]
        # The transcript may have been changed since this round began.
        others = [each for each in others if len(each.boxes) == len(localization.boxes)]
        if others:
            found[id] = disagreement(localization, others, facts)
    progress("save", len(ids), len(ids))
    return found


def or_none(values: NDArray[np.float32] | None, length: int) -> list[float | None]:
    """A word's disagreement as the store gives it, for JSON: None for each of its `length` characters if unknown."""
    if values is None:
        return [None] * length
    return [None if np.isnan(value) else round(float(value), 4) for value in values]


def _newest_others(store: Store, this: Round) -> list[Round]:
    newest: dict[str, Round] = {}
    for each in store.rounds():
        if each.state == "finished" and each.method != this.method:
            known = newest.get(each.method)
            newest[each.method] = each if known is None or each.number > known.number else known
    return list(newest.values())
