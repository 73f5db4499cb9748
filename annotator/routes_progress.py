"""How far the model's error has fallen since people began to correct it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Literal

from fastapi import APIRouter

from annotator.api import Json
from db import Prequential, Round, Store

Measure = Literal["heldback", "prequential"]


def make_progress_router(store: Store) -> APIRouter:
    """The route, on this store."""
    router = APIRouter()

    @router.get("/api/progress")
    def progress() -> Json:
        """The first and the latest error that was measured on the line of the round people see; null if none was.

        Errors of words held back from learning are taken where two rounds have them: they are of the same words. Else
        each round's parent, judged by the corrections that came before it had learned from them. One measurement is
        `latest` only.
        """
        errors = measured(line(store))
        return {
            "first": errors[0] if len(errors) > 1 else None,
            "latest": errors[-1] if errors else None,
        }

    return router


def line(store: Store) -> list[Round]:
    """The round people see and those it comes from, the first one first."""
    by_id = {each.id: each for each in store.rounds()}
    found: list[Round] = []
    at = store.seen_round()
    while at is not None:
        found.append(at)
        at = by_id.get(at.parent_id) if at.parent_id is not None else None
    return found[::-1]


def measured(rounds: Sequence[Round]) -> list[Json]:
    """What was measured of these rounds, oldest first, all by the same measure."""
    heldback = [_error("heldback", each.number, each.heldback) for each in rounds if each.heldback]
    if len(heldback) > 1:
        return heldback
    numbers = {each.id: each.number for each in rounds}
    return [
        _error("prequential", numbers[each.parent_id], each.prequential)
        for each in rounds
        if each.prequential and each.parent_id in numbers
    ]


def _error(measure: Measure, number: int, error: Prequential) -> Json:
    """An error as the page takes it; `round`: the number of the round that made it."""
    return {"measure": measure, "round": number} | {k: v for k, v in asdict(error).items() if k != "centre_h"}
