"""The REST interface of rounds: start, pause, cancel, compare, go back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from annotator.api import Id, Json, Refused, hidden, picture_json, round_json
from annotator.comparison import Apart, Comparisons, clearly_worse, contradictions, rows, said_boxes
from annotator.heldback import LEAST_WORDS, MOST, set_share, share_wanted, unlearned
from annotator.jobs import Jobs
from annotator.lines import line_of
from annotator.rounds import check_start, pause_round
from annotator.starts import FRESH, INIT, Start
from annotator.turns import Late
from charloc.methods import METHODS
from db import Round, Store, UnknownItem

AT_ONCE = 50


class TrainRequest(BaseModel):
    """Which method the next round should use, and what it starts from where it has not learned yet."""

    model_config = ConfigDict(extra="forbid")
    method: Annotated[str, Field(max_length=100)]
    init: Literal["pretrained", "guess", "flat"] | None = None
    fresh: bool = False


class ShareRequest(BaseModel):
    """The share of corrected words to hold back."""

    model_config = ConfigDict(extra="forbid")
    share: Annotated[float, Field(ge=0, le=MOST)]


def make_rounds_router(store: Store, jobs: Jobs) -> APIRouter:
    """All routes of rounds, on this store."""
    router = APIRouter()
    comparisons = Comparisons(store)
    late = Late(store)

    @router.get("/api/rounds")
    def rounds() -> Json:
        """Every round, newest first; which one people see, and whether it is clearly worse than its parent."""
        every, seen = store.rounds(), store.seen_round()
        numbers = {each.id: each.number for each in every}
        return {
            "rounds": [round_json(each, numbers) for each in reversed(every)],
            "seen": seen.id if seen else None,
            "worse": worse_json(store, seen) if seen else None,
            "held_back": {"share": share_wanted(store), "least_words": LEAST_WORDS},
        }

    @router.post("/api/rounds", status_code=202)
    def train(request: TrainRequest) -> Json:
        """Start the next round in its own process; one that was interrupted is gone on with, as it was begun."""
        if request.method not in METHODS:
            raise Refused(f"There is no method '{request.method}'. Choose one of: {', '.join(METHODS)}.")
        if store.word_count() == 0:
            raise Refused("There are no words yet. Import some first, then train.", 409)
        settings: dict[str, object] = {}
        if METHODS[request.method].learns:
            settings = {INIT: request.init} if request.init else {}
            settings |= {FRESH: True} if request.fresh else {}
            if store.unfinished_round() is None:
                check_start(store, request.method, Start(init=request.init or "pretrained", fresh=request.fresh))
        jobs.start(request.method, settings)
        return {"job": jobs.view()}

    @router.post("/api/rounds/current/cancel", status_code=202)
    def cancel() -> Json:
        """Ask the running round to stop, or give up the interrupted one."""
        jobs.cancel()
        return {"job": jobs.view()}

    @router.post("/api/rounds/current/pause", status_code=202)
    def pause() -> Json:
        """Ask the running round to stop so that it can be gone on with."""
        if not pause_round(store):
            raise Refused("No round is running: there is nothing to pause.", 409)
        return {"job": jobs.view()}

    @router.post("/api/rounds/held-back")
    def hold_back(request: ShareRequest) -> Json:
        """Hold back another share of the corrected words, from the next round on."""
        set_share(store, request.share)
        return {"held_back": {"share": share_wanted(store), "least_words": LEAST_WORDS}}

    @router.post("/api/rounds/{round_id}/go-back")
    def go_back(round_id: Id) -> Json:
        """Let people see this round, and the next one start from it."""
        one_round(store, round_id)
        with jobs.resting():
            found = store.go_back_to(round_id)
        late.look(own=False)
        return {"seen": found.id, "number": found.number}

    @router.get("/api/rounds/compare")
    def compare(
        before: Id,
        after: Id,
        offset: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=AT_ONCE)] = 12,
    ) -> Json:
        """What moved from one finished round to another: words, the farthest first, with both rounds' boxes."""
        one, other = finished(store, before), finished(store, after)
        found = seen_by_all(store, comparisons.moved(one, other))
        part = found[offset : offset + limit]
        ids = [each.word_id for each in part]
        old, new = store.proposals(one.id, ids), store.proposals(other.id, ids)
        boxes: dict[int, Json] = {
            id: {"before": rows(old[id].boxes), "after": rows(new[id].boxes)} for id in ids if id in old and id in new
        }
        return {
            "words": len(found),
            "characters": sum(len(each.by_h) for each in found),
            "shown": shown_json(store, part, boxes),
        }

    @router.get("/api/rounds/{round_id}/contradictions")
    def contradicted(
        round_id: Id,
        offset: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=AT_ONCE)] = 12,
    ) -> Json:
        """Corrections that a round contradicts by itself: words, the farthest first, with both boxes."""
        this = finished(store, round_id)
        found = seen_by_all(store, contradictions(store, this))
        part = found[offset : offset + limit]
        ids = [each.word_id for each in part]
        alone, said = store.unaided(this.id, ids), store.corrections_in_force(ids)
        unseen = unlearned(store, line_of(store, this), ids)
        boxes: dict[int, Json] = {
            id: {"after": rows(alone[id].boxes), "said": rows(said_boxes(said[id])), "learned": id not in unseen}
            for id in ids
            if id in alone and id in said
        }
        return {
            "words": len(found),
            "characters": sum(len(each.by_h) for each in found),
            "shown": shown_json(store, part, boxes),
        }

    return router


def one_round(store: Store, round_id: int) -> Round:
    """The round, or a 404 that says so."""
    try:
        return store.round(round_id)
    except UnknownItem as error:
        raise Refused(str(error), 404) from error


def finished(store: Store, round_id: int) -> Round:
    """The round, if it is finished."""
    found = one_round(store, round_id)
    if found.state != "finished":
        raise Refused(f"Round {found.number} is {found.state}: only finished rounds can be compared.", 409)
    return found


def seen_by_all(store: Store, found: Sequence[Apart]) -> list[Apart]:
    """Without the words of which whoever asks must not see what others said."""
    unseen = hidden(store)
    return [each for each in found if each.word_id not in unseen]


def shown_json(store: Store, part: Sequence[Apart], boxes: dict[int, Json]) -> list[Json]:
    """Words with what is apart in them, for the pictures; `boxes` by word id, words without any are left out."""
    part = [each for each in part if each.word_id in boxes]
    return [
        picture_json(word)
        | {
            "characters": list(word.characters),
            "apart": [{"index": index, "h": by_h} for index, by_h in sorted(each.by_h.items())],
            **boxes[word.id],
        }
        for each, word in zip(part, store.words([each.word_id for each in part]), strict=True)
    ]


def worse_json(store: Store, seen: Round) -> Json | None:
    """That a round is clearly worse than its parent; None where it is not."""
    found = clearly_worse(store, seen)
    if found is None:
        return None
    counted = ("words", "worse", "better", "wrong_before", "wrong_after", "chars")
    return {
        "number": seen.number,
        "method": seen.method,
        "parent": {name: getattr(found.parent, name) for name in ("id", "number", "method")},
        **{name: getattr(found, name) for name in counted},
    }
