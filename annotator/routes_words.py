"""The REST interface of the list of words: what there is, in pages, and tags."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from annotator.access import author
from annotator.api import Id, Json, hidden, picture_json
from annotator.routes_queue import AskedFor, id_list
from annotator.turns import TAKE_WORK, Late
from db import Correction, Store
from db.corrections import decides

MOST_AT_ONCE = 200
MOST_TAGGED = 5000


class Tagging(BaseModel):
    """Words that get a tag, or lose it."""

    model_config = ConfigDict(extra="forbid")
    ids: Annotated[list[Id], Field(min_length=1, max_length=MOST_TAGGED)]
    name: Annotated[str, Field(max_length=200)]
    on: bool = True


def make_words_router(store: Store) -> APIRouter:
    """The list of words of this store, and their tags."""
    router = APIRouter()
    late = Late(store)

    @router.get("/api/list")
    def listed(
        asked: AskedFor,
        offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
        limit: Annotated[int, Query(ge=1, le=MOST_AT_ONCE)] = 50,
    ) -> Json:
        """A page of the words that are asked for; `ready` as in `/api/queue/about`."""
        ready = late.look() or asked.queue not in TAKE_WORK
        ids = store.listed(asked, offset, limit)
        return {"count": store.queue_length(asked), "ready": ready, "words": rows(store, ids)}

    @router.get("/api/tags")
    def tags(ids: Annotated[str, Query(max_length=4000)] = "") -> Json:
        """All tags with how many words have them, and those of the words named."""
        wanted = id_list(ids, "ids")
        return {
            "tags": [{"name": name, "words": count} for name, count in store.tags()],
            "of": {str(id): names for id, names in store.tags_of(wanted).items()},
        }

    @router.post("/api/tags")
    def tag(tagging: Tagging) -> Json:
        """Give words a tag, or take it off them; answers how many that changed."""
        if tagging.on:
            return {"changed": store.tag(tagging.ids, tagging.name, author())}
        return {"changed": store.untag(tagging.ids, tagging.name, author())}

    return router


def rows(store: Store, ids: list[int]) -> list[Json]:
    """Words as the list shows them, in the order of `ids`."""
    seen, blind, tags = store.seen_round(), hidden(store), store.tags_of(ids)
    told = [id for id in ids if id not in blind]
    doubts = store.uncertainties(seen.id, told) if seen else {}
    corrections = store.corrections_in_force(told)
    return [
        picture_json(word.reading(None) if word.id in blind else word)
        | {
            "page": word.meta.get("page"),
            "source": word.meta.get("source"),
            "state": state(corrections.get(word.id)),
            "sure": round(1 - doubts[word.id], 4) if word.id in doubts else None,
            "tags": tags.get(word.id, []),
        }
        for word in store.words(ids)
    ]


def state(correction: Correction | None) -> str:
    """What a decision makes of its word: open, partly, corrected, skipped or flagged."""
    if correction is None:
        return "open"
    if correction.kind != "boxes":
        return {"flag": "flagged", "skip": "skipped"}.get(correction.kind, "open")
    if decides(correction):
        return "corrected"
    return "open" if all(mark.state == "untouched" for mark in correction.characters) else "partly"
