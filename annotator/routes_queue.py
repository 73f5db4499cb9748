"""The REST interface of queues: which words to look at, and in which order."""

from __future__ import annotations

from random import SystemRandom
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from annotator.access import author, person
from annotator.api import Id, Json, Refused, leased_json, words_json
from annotator.sharing import hand_out, setting
from db import Store, UnknownItem

MOST_AT_ONCE = 100
"""Words in one answer: each comes with its boxes."""


class HeldWords(BaseModel):
    """The words that a page has in hand or ahead."""

    model_config = ConfigDict(extra="forbid")
    ids: Annotated[list[Id], Field(max_length=MOST_AT_ONCE)]


def make_queue_router(store: Store) -> APIRouter:
    """Queues and lists of words of this store."""
    router = APIRouter()

    @router.get("/api/queue")
    def queue(
        limit: Annotated[int, Query(ge=1, le=MOST_AT_ONCE)] = 8,
        exclude: Annotated[str, Query(max_length=40_000)] = "",
    ) -> Json:
        """The words to annotate next, most uncertain first, without those in `exclude` (ids, comma separated).

        Where people log in they are put into the person's hands, second readings and checks among them.
        """
        excluded, who = id_list(exclude, "exclude"), person()
        if who is None or who.role == "reader":
            return {"words": words_json(store, store.queue(limit, excluded))}
        handed = hand_out(
            store, who.name, store.queue, limit, excluded, mixed=True, undecided=True, chance=SystemRandom()
        )
        words = leased_json(store, handed.leases)
        return {"words": words, "full": handed.full, "elsewhere": handed.elsewhere}

    @router.post("/api/leases/renew")
    def renew(held: HeldWords) -> Json:
        """Keep the words that a page holds in its person's hands; answers which of them still are."""
        return {"held": store.renew(author(), held.ids, setting(store, "lease_minutes")) if author() else []}

    @router.get("/api/words")
    def some_words(ids: Annotated[str, Query(max_length=4000)]) -> Json:
        """The words with these ids (comma separated), in that order, as the queue gives them."""
        wanted = id_list(ids, "ids")
        if len(wanted) > MOST_AT_ONCE:
            raise Refused(f"{len(wanted)} words were asked for; at most {MOST_AT_ONCE} at a time.")
        try:
            return {"words": words_json(store, wanted)}
        except UnknownItem as error:
            raise Refused(str(error), 404) from error

    return router


def id_list(text: str, name: str) -> list[int]:
    """Ids out of "1,2,3"; `name` is the parameter's, for messages."""
    parts = [part for part in text.split(",") if part]
    if not all(part.isdecimal() and len(part) < 19 for part in parts):
        raise Refused(f"{name}={text[:60]!r}: expected word numbers separated by commas.")
    return [int(part) for part in parts]
