"""The REST interface of audits: begin one, look at its words, read what follows for all."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from annotator import auditing
from annotator.access import author
from annotator.api import Decision, Id, Json, Refused, check, one_word, words_json
from annotator.comparison import rows
from annotator.routes_queue import id_list
from charloc.audit import LEVEL, Estimate, Quality, words_for
from db import CharacterMark, Round, Store
from db.audits import Audit
from db.team_records import Lease, NewOpinion

AT_ONCE = 100
RATES = ("centres", "boxes", "words_centres", "words_boxes")
NEUTRAL = 0.5
"""The confidence that every character of an audit's word is shown with: nobody is to see what the method thinks."""


class DrawRequest(BaseModel):
    """How many words to draw, and what with. Who names a seed may send it again: one audit is begun."""

    model_config = ConfigDict(extra="forbid")
    words: Annotated[int, Field(ge=1, le=1_000_000)]
    seed: Annotated[int, Field(ge=0, lt=2**31)] | None = None


class MoreRequest(BaseModel):
    """How many words to draw in addition.

    Who says of which audit, and after how many words, may send it again: the same words are drawn once.
    """

    model_config = ConfigDict(extra="forbid")
    words: Annotated[int, Field(ge=1, le=1_000_000)]
    audit: Id | None = None
    after: Annotated[int, Field(ge=0, le=1_000_000)] | None = None


class Answer(Decision):
    """What a person says of a word of an audit: as a decision, but it changes nothing."""

    audit: Id


def make_audit_router(store: Store) -> APIRouter:
    """All routes of audits, on this store."""
    router = APIRouter()

    @router.get("/api/audits")
    def audits(width: Annotated[float, Query(gt=0, le=1)] = 0.02) -> Json:
        """The audit that is going on with what it has found, and those before it.

        `width`: of an interval, from end to end; each rate says how many words in all would make it as narrow.
        """
        seen = store.seen_round()
        every = [audit_json(store, each, seen, width) for each in reversed(store.audits())]
        return {
            "level": LEVEL,
            "words": store.word_count(),
            "seen": {"number": seen.number, "method": seen.method} if seen else None,
            "usual": auditing.USUAL_WORDS,
            "least": auditing.LEAST_WORDS,
            "current": next((each for each in every if each["closed_at"] is None), None),
            "earlier": [each for each in every if each["closed_at"] is not None],
        }

    @router.post("/api/audits", status_code=201)
    def begin(request: DrawRequest) -> Json:
        """Draw a sample; an audit that was going on is closed and stays in the list."""
        made = auditing.begin(store, request.words, request.seed, author())
        return {"id": made.id, "words": made.words}

    @router.post("/api/audits/current/extend")
    def extend(request: MoreRequest) -> Json:
        """Draw more words for the audit that is going on."""
        audit = going_on(store)
        if request.audit not in (None, audit.id):
            raise Refused("Another audit has been begun meanwhile.", 409)
        made = auditing.extend(store, audit, request.words, request.after)
        return {"id": made.id, "words": made.words}

    @router.get("/api/audits/current/pending")
    def pending() -> Json:
        """The ids of the words that wait and are in nobody else's hands, in the order they were drawn."""
        audit, others = going_on(store), store.held_by_others(author(), "audit")
        waiting = auditing.pending(store, audit)
        words = [id for id in waiting if id not in others]
        return {"audit": audit.id, "words": words, "elsewhere": len(waiting) - len(words)}

    @router.get("/api/audits/current/next")
    def following(
        limit: Annotated[int, Query(ge=1, le=AT_ONCE)] = 8, exclude: Annotated[str, Query(max_length=40_000)] = ""
    ) -> Json:
        """The words to look at next, blind: as `/api/audits/current/words` has them."""
        audit = going_on(store)
        left_out = set(id_list(exclude, "exclude"))
        ids = [id for id in auditing.pending(store, audit) if id not in left_out]
        return {"words": blind_json(store, audit, auditing.hand_out(store, audit, author(), ids, limit))}

    @router.get("/api/audits/current/words")
    def some(ids: Annotated[str, Query(max_length=4000)]) -> Json:
        """Words of the audit, blind: without confidence, disagreement, and what people said of them elsewhere.

        Where people log in they are put into the person's hands; left out are those that have been answered, or are in
        somebody else's.
        """
        audit = going_on(store)
        wanted = id_list(ids, "ids")[:AT_ONCE]
        strangers = set(wanted) - set(store.audit_words(audit.id))
        if strangers:
            raise Refused(f"Word {min(strangers)} is not in the audit that is going on.", 404)
        return {"words": blind_json(store, audit, auditing.hand_out(store, audit, author(), wanted, AT_ONCE))}

    @router.post("/api/audits/answers")
    def answer(said: Answer) -> Json:
        """Keep what a person says of a word of an audit, exactly once per uuid. It teaches nothing."""
        target = one_word(store, said.word_id)
        check(said, target)
        if said.word_id not in store.audit_words(said.audit):
            raise Refused(f"'{target.name}' is not in audit {said.audit}.", 404)
        kept = store.save_opinion(
            NewOpinion(
                word_id=target.id,
                uuid=str(said.uuid),
                purpose="audit",
                kind=said.kind,
                characters=tuple(CharacterMark(state=mark.state, box=mark.box) for mark in said.characters),
                reason=said.reason,
                round_id=said.round_id,
                author=author(),
                text=None if said.text is None else tuple(said.text),
                audit_id=said.audit,
            )
        )
        # The browser waits for the id of what it sent.
        return {"correction": {"id": kept.id, "uuid": kept.uuid, "word_id": kept.word_id, "kind": kept.kind}}

    return router


def going_on(store: Store) -> Audit:
    """The audit that is going on, or a 409 that says what to do."""
    found = auditing.current(store)
    if found is None:
        raise Refused("No audit is going on. Draw a sample first.", 409)
    return found


def blind_json(store: Store, audit: Audit, handed: Mapping[int, Lease | None]) -> list[Json]:
    """Words as the editor takes them, with what the round says by itself and nothing that tells how sure it is."""
    ids = list(handed)
    seen = store.seen_round()
    alone = store.unaided(seen.id, ids) if seen else {}
    # Where a round of an earlier version does not know that: what an older one said before it could.
    alone = {id: each for id, (_, each) in store.blind_proposals(ids).items()} | alone
    listed = []
    for word, lease in zip(words_json(store, ids), handed.values(), strict=True):
        count = len(word["characters"])  # type: ignore[arg-type]
        own = alone.get(int(str(word["id"])))
        boxes = rows(own.boxes) if own is not None and len(own.boxes) == count else [None] * count
        listed.append(
            word
            | {
                "boxes": boxes,
                "confidence": [NEUTRAL] * count,
                "disagreement": [None] * count,
                "correction": None,
                "audit": audit.id,
            }
            | ({"lease": lease.id} if lease else {})
        )
    return listed


def audit_json(store: Store, audit: Audit, seen: Round | None, width: float) -> Json:
    """An audit with what it has found."""
    found = auditing.result(store, audit, seen)
    return {
        "id": audit.id,
        "seed": audit.seed,
        "population": audit.population,
        "author": audit.author,
        "created_at": audit.created_at.isoformat(),
        "closed_at": audit.closed_at.isoformat() if audit.closed_at else None,
        "words": audit.words,
        "answered": found.answered,
        "left": audit.words - found.answered,
        "doubtful": estimate_json(found.doubtful, None, audit.population),
        "aided": found.aided,
        "proposed": quality_json(found.proposed, width, audit.population),
        "exported": quality_json(found.exported, width, audit.population),
    }


def quality_json(found: Quality, width: float, population: int) -> Json:
    """Errors as the page takes them."""
    listed: Json = {name: estimate_json(getattr(found, name), width, population) for name in RATES}
    mean = estimate_json(found.mean_h, None, population)
    return {"words": found.words, "chars": found.chars, **listed, "mean_h": mean}


def estimate_json(estimate: Estimate, width: float | None, population: int) -> Json:
    """An estimate; `needed`: how many words in all would make its interval as narrow as `width`."""
    return {
        "value": None if math.isnan(estimate.value) else estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "wrong": estimate.wrong,
        "of": estimate.of,
        "needed": None if width is None else words_for(estimate, width, population),
    }
