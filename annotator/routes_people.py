"""The REST interface of working together: people's work, what they disagree about, its history, taking it back."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from annotator.access import author, person
from annotator.api import Id, Json, Refused, correction_json, hidden, one_word, picture_json
from annotator.sharing import DEFAULTS, setting
from annotator.team import Disagreement, Work, by_pair, disagreements, work
from charloc.agreement import Agreement
from charloc.types import Box
from db import Conflict, NewCorrection, Store, UnknownItem
from db.tags import Tagging

AT_ONCE = 50
MOST_CHECKS = 1000
Share = Annotated[float, Field(ge=0, le=1)]


class SharingSettings(BaseModel):
    """How work is shared; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")
    double_share: Share | None = None
    check_share: Annotated[float, Field(ge=0, le=0.5)] | None = None
    lease_minutes: Annotated[float, Field(ge=1, le=24 * 60)] | None = None


class MoreChecks(BaseModel):
    """Words to check people with: drawn from a source, or named."""

    model_config = ConfigDict(extra="forbid")
    source: Literal["reference", "mine", "words"]
    count: Annotated[int, Field(ge=1, le=MOST_CHECKS)] = 20
    words: Annotated[list[Id], Field(max_length=MOST_CHECKS)] = []


class Overrule(BaseModel):
    """Which of two people's versions holds from now on."""

    model_config = ConfigDict(extra="forbid")
    uuid: UUID
    opinion_id: Id
    keep: Literal["first", "second"]


class TakeBack(BaseModel):
    """The plan that was looked at."""

    model_config = ConfigDict(extra="forbid")
    uuid: UUID
    upto: Annotated[int, Field(ge=0)]


def make_people_router(store: Store) -> APIRouter:
    """All routes of working together, on this store."""
    router = APIRouter()

    @router.get("/api/people")
    def people() -> Json:
        """Everybody with what they did, every two people with how far they agree, and how work is shared."""
        return {
            "people": [work_json(each) for each in work(store)],
            "pairs": [
                {"names": list(each.people), "agreement": agreement_json(each.boxes), "otherwise": each.apart}
                for each in by_pair(store)
            ],
            "settings": {name: setting(store, name) for name in DEFAULTS},
            "checks": checks_json(store),
            "disagreements": len(disagreements(store)),
        }

    @router.get("/api/people/disagreements")
    def differing(offset: Annotated[int, Query(ge=0)] = 0, limit: Annotated[int, Query(ge=1, le=AT_ONCE)] = 10) -> Json:
        """Words that two people decided about differently and nobody since, the worst first."""
        blind = hidden(store)
        found = [each for each in disagreements(store) if each.pair.first.word_id not in blind]
        shown = found[offset : offset + limit]
        return {"all": len(found), "shown": [disagreement_json(store, each) for each in shown]}

    @router.post("/api/words/{word_id}/overrule")
    def overrule(word_id: Id, said: Overrule) -> Response:
        """Decide between two people: what one of them said is said again by the owner, and holds; both stay."""
        pair = next((each for each in store.pairs() if each.second.id == said.opinion_id), None)
        if pair is None or pair.first.word_id != word_id:
            raise Refused("There is no such second reading of this word. Reload the page.", 404)
        chosen, other = (pair.first, pair.second) if said.keep == "first" else (pair.second, pair.first)
        decision = NewCorrection(
            word_id=word_id,
            uuid=str(said.uuid),
            kind=chosen.kind,
            characters=chosen.characters,
            reason=chosen.reason or f"{chosen.author}'s version kept, not {other.author}'s",
            round_id=chosen.round_id,
            base_id=pair.first.id,
            author=author(),
            text=chosen.text,
        )
        try:
            return JSONResponse({"correction": correction_json(store.save_correction(decision))})
        except Conflict as conflict:
            newer = correction_json(conflict.in_force) if conflict.in_force else None
            return JSONResponse({"detail": str(conflict), "correction": newer}, status_code=409)

    @router.get("/api/words/{word_id}/history")
    def history(word_id: Id) -> Json:
        """Everything that was said about a word, oldest first; what was said beside that is for owners."""
        word, who = one_word(store, word_id), person()
        if word_id in hidden(store):
            # Who reads a word as if nobody had said anything of it is not told here either.
            return picture_json(word.reading(None)) | {"in_force": None, "check": None, "history": []}
        owner = who is None or who.role == "owner"
        opinions = store.opinions_of(word_id) if owner else []
        in_force = store.corrections_in_force([word_id]).get(word_id)
        said = [correction_json(each) | {"purpose": "main"} for each in store.history(word_id)]
        said += [correction_json(each) | {"purpose": each.purpose} for each in opinions]
        said += [tagging_json(each) for each in store.taggings(word_id)]
        return picture_json(word) | {
            "in_force": in_force.id if in_force else None,
            "check": word_id in store.check_words() if owner else None,
            "history": sorted(said, key=lambda each: str(each["created_at"])),
        }

    @router.post("/api/people/settings")
    def change(settings: SharingSettings) -> Json:
        """Change how work is shared."""
        for name, value in settings.model_dump(exclude_none=True).items():
            store.set_setting(name, value)
        return {"settings": {name: setting(store, name) for name in DEFAULTS}}

    @router.post("/api/people/checks")
    def add_checks(more: MoreChecks) -> Json:
        """Put more words among those that people are checked with."""
        added = store.add_check_words(known_boxes(store, more), author())
        return {"added": added, "checks": checks_json(store)}

    @router.post("/api/people/checks/remove")
    def remove_checks(words: Annotated[list[Id], Field(max_length=MOST_CHECKS)] | None = None) -> Json:
        """Check people with these words no more, or with none."""
        store.remove_check_words(words)
        return {"checks": checks_json(store)}

    @router.get("/api/people/{name}/revert")
    def plan(name: str) -> Json:
        """What taking back everything that a person decided would do."""
        known(store, name)
        return asdict(store.revert_plan(name))

    @router.post("/api/people/{name}/revert")
    def take_back(name: str, plan: TakeBack) -> Json:
        """Take back everything that a person decided, wherever nobody has decided since; nothing is deleted."""
        known(store, name)
        try:
            return asdict(store.revert(name, by=author(), uuid=str(plan.uuid), upto=plan.upto))
        except Conflict as conflict:
            raise Refused(str(conflict), 409) from conflict

    return router


def known(store: Store, name: str) -> None:
    """Answer 404 if there is no such person."""
    try:
        store.person(name)
    except UnknownItem as error:
        raise Refused(str(error), 404) from error


def tagging_json(each: Tagging) -> Json:
    """That a tag was given or taken off, as the history takes it."""
    return {
        "id": each.id,
        "purpose": "tag",
        "kind": "tagged" if each.given else "untagged",
        "reason": each.name,
        "author": each.author,
        "created_at": each.created_at.isoformat(),
    }


def known_boxes(store: Store, more: MoreChecks) -> dict[int, Sequence[Box | None]]:
    """The words to check people with and where their characters are.

    Raises:
        Refused: there are none.
    """
    there = store.check_words()
    if more.source == "reference":
        ids = [word_id for word_id in store.with_reference() if word_id not in there]
        chosen = random.SystemRandom().sample(ids, min(more.count, len(ids)))
        found: dict[int, Sequence[Box | None]] = {id: each.boxes for id, each in store.reference(chosen).items()}
    else:
        mine = {
            id: tuple(mark.box if mark.state != "untouched" else None for mark in each.characters)
            for id, each in store.corrections_in_force(more.words or None).items()
            if each.kind == "boxes" and each.text is None and id not in there
            and (more.source == "words" or each.author == author())
        }  # fmt: skip
        usable = [id for id, boxes in mine.items() if any(boxes)]
        chosen = usable if more.words else random.SystemRandom().sample(usable, min(more.count, len(usable)))
        found = {id: mine[id] for id in chosen}
    if not found:
        what = "words with reference boxes" if more.source == "reference" else "corrected words"
        raise Refused(f"There are no more {what} to check people with.", 409)
    return found


def checks_json(store: Store) -> Json:
    """How many words people are checked with, and how many more there could be."""
    there = store.check_words()
    return {"words": len(there), "reference": sum(word_id not in there for word_id in store.with_reference())}


def work_json(each: Work) -> Json:
    """What a person did, as the page takes it."""
    return {
        "name": each.person.name,
        "role": each.person.role,
        "disabled": each.person.disabled_at is not None,
        "words": each.words,
        "decisions": each.decisions,
        "per_hour": each.per_hour,
        "agreement": agreement_json(each.agreement),
        "otherwise": each.flags_apart,
        "check": agreement_json(each.check),
    }


def agreement_json(found: Agreement | None) -> Json | None:
    """An agreement as the page takes it; null for what cannot be said."""
    if found is None:
        return None
    return {name: None if math.isnan(value) else value for name, value in asdict(found).items()}


def disagreement_json(store: Store, each: Disagreement) -> Json:
    """A word with both versions, as the page takes it."""
    pair = each.pair
    word = one_word(store, pair.first.word_id).reading(pair.first.text)
    return picture_json(word) | {
        "overlap": each.overlap,
        "apart": list(each.apart),
        "opinion_id": pair.second.id,
        "first": correction_json(pair.first),
        "second": correction_json(pair.second),
    }
