"""The line of rounds that one comes from. Where somebody went back to an earlier round, lines part."""

from __future__ import annotations

from collections.abc import Sequence

from charloc.methods import METHODS
from db import Round, Store


def line_of(store: Store, tip: Round | None) -> list[Round]:
    """A round and those it comes from, itself first; none for None."""
    by_id = {each.id: each for each in store.rounds()}
    line: list[Round] = []
    while tip is not None:
        line.append(tip)
        tip = by_id.get(tip.parent_id) if tip.parent_id is not None else None
    return line


def newest_of(line: Sequence[Round], method: str) -> Round | None:
    """The newest round of a line that is of this method, or of its kin."""
    names = (method, *METHODS[method].kin)
    return next((each for each in line if each.state == "finished" and each.method in names), None)
