"""The REST interface of queues: which words to look at, and in which order."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from annotator.api import Json, Refused, words_json
from db import Store, UnknownItem

MOST_AT_ONCE = 100
"""Words in one answer: each comes with its boxes."""


def make_queue_router(store: Store) -> APIRouter:
    """Queues and lists of words of this store."""
    router = APIRouter()

    @router.get("/api/queue")
    def queue(
        limit: Annotated[int, Query(ge=1, le=MOST_AT_ONCE)] = 8,
        exclude: Annotated[str, Query(max_length=40_000)] = "",
    ) -> Json:
        """The words to annotate next, most uncertain first, without those in `exclude` (ids, comma separated)."""
        ids = store.queue(limit, id_list(exclude, "exclude"))
        return {"words": words_json(store, ids)}

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
