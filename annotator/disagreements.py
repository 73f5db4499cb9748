"""How far the methods of a project disagree with a round's proposals, character by character."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from charloc.types import Localization, Pins
from charloc.uncertainty import disagreement
from db import Round, Store


def disagreements(
    store: Store, this: Round, ids: Sequence[int], localizations: Sequence[Localization], pins: Sequence[Pins]
) -> dict[int, NDArray[np.float32]]:
    """Every word's `disagreement` with the newest finished round of each other method.

    Args:
        store: the project's store.
        this: the round that is judged.
        ids, localizations, pins: its N words, what it proposes for them, and what people said of them.

    Returns:
        By word id; words that no other method has seen are left out.
    """
    seen: list[Mapping[int, Localization]] = [store.proposals(each.id, ids) for each in _newest_others(store, this)]
    found: dict[int, NDArray[np.float32]] = {}
    for id, localization, facts in zip(ids, localizations, pins, strict=True):
        others = [proposals[id] for proposals in seen if id in proposals]
        if others:
            found[id] = disagreement(localization, others, facts)
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
