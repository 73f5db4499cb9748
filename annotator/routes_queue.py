"""The REST interface of queues: which words to look at, and in which order."""

from __future__ import annotations

from collections.abc import Collection
from random import SystemRandom
from typing import Annotated, get_args

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from annotator.access import author, person
from annotator.api import Id, Json, Refused, leased_json, words_json
from annotator.sharing import hand_out, setting
from annotator.turns import TAKE_WORK, Late
from charloc.text import characters
from db import Asked, Store, UnknownItem
from db.asked import Queue, State

MOST_AT_ONCE = 100
"""Words in one answer: each comes with its boxes."""
Short = Annotated[str, Query(max_length=300)]


def asked_for(
    queue: Queue = "uncertain",
    character: Annotated[str, Query(max_length=32)] = "",
    state: State = "open",
    page: Short = "",
    source: Short = "",
    tag: Short = "",
    q: Short = "",
    seed: Annotated[int, Query(ge=0, le=2**31)] = 0,
) -> Asked:
    """The query parameters that say which words, as they stand in links too."""
    clusters = characters(character)
    if queue == "character" and len(clusters) != 1:
        raise Refused(f"character={character!r}: expected one character, such as character=e.")
    return Asked(queue, clusters[0] if clusters else "", state, page, source, tag, q.strip(), seed)


AskedFor = Annotated[Asked, Depends(asked_for)]


class HeldWords(BaseModel):
    """The words that a page has in hand or ahead."""

    model_config = ConfigDict(extra="forbid")
    ids: Annotated[list[Id], Field(max_length=MOST_AT_ONCE)]


def make_queue_router(store: Store) -> APIRouter:
    """Queues and lists of words of this store."""
    router = APIRouter()
    late = Late(store)

    @router.get("/api/queue")
    def queue(
        asked: AskedFor,
        limit: Annotated[int, Query(ge=1, le=MOST_AT_ONCE)] = 8,
        exclude: Annotated[str, Query(max_length=40_000)] = "",
    ) -> Json:
        """The words to annotate next, without those in `exclude` (ids, comma separated); the most uncertain first,
        unless another queue is asked for.

        Where people log in they are put into the person's hands, second readings and checks among them.
        """
        if asked.queue != "uncertain":
            late.look()

        def pick(limit: int, exclude: Collection[int]) -> list[int]:
            return store.queue(limit, exclude, asked)

        excluded, who = id_list(exclude, "exclude"), person()
        if who is None or who.role == "reader":
            return {"words": words_json(store, pick(limit, excluded))}
        undecided = asked.queue not in ("flagged", "recent")
        # Somebody who asks for particular words gets those alone.
        mixed = undecided and asked.queue != "character" and not asked.filtered
        handed = hand_out(
            store, who.name, pick, limit, excluded, mixed=mixed, undecided=undecided, chance=SystemRandom()
        )
        words = leased_json(store, handed.leases)
        return {"words": words, "full": handed.full, "elsewhere": handed.elsewhere}

    @router.post("/api/leases/renew")
    def renew(held: HeldWords) -> Json:
        """Keep the words that a page holds in its person's hands; answers which of them still are."""
        return {"held": store.renew(author(), held.ids, setting(store, "lease_minutes")) if author() else []}

    @router.get("/api/queue/about")
    def about(asked: AskedFor) -> Json:
        """How many words a queue has left, and whether it has the order of the round people see already."""
        return {"ready": asked.queue not in TAKE_WORK or late.look(), "left": store.queue_length(asked)}

    @router.get("/api/queue/choices")
    def choices() -> Json:
        """What there is to choose from; characters and tags with how many words have them."""
        late.look()
        pages, sources = store.places()
        return {
            "queues": list(get_args(Queue)),
            "states": list(get_args(State)),
            "characters": [
                {"character": character, "words": count, "confidence": round(mean, 4)}
                for character, count, mean in store.characters()
            ],
            "pages": pages,
            "sources": sources,
            "tags": [{"name": name, "words": count} for name, count in store.tags()],
        }

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
