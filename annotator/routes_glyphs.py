"""The REST interface of the glyph sheet: every crop of a character; accepting and flagging many at once."""

from __future__ import annotations

import re
from typing import Annotated, Literal, get_args
from uuid import UUID, uuid5

import numpy as np
from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from annotator.access import author
from annotator.api import Id, Json, Refused, hidden
from annotator.glyph_sheets import COLUMNS, PER_ATLAS, STATES, GlyphSheets, Order, Sheet
from annotator.turns import Late
from charloc.text import characters
from db import CharacterMark, Conflict, Correction, NewCorrection, Store
from db.corrections import AMONG_LIKES, AMONG_LIKES_AFTER, decides

NAME = re.compile(r"[0-9a-f]{32}")
"""Of an atlas, or a sheet."""
MOST = 2000
"""Crops in one answer, and in one decision."""


class Chosen(BaseModel):
    """A crop that a person chose: a character of a word, and the decision that held when they saw it (0: none)."""

    model_config = ConfigDict(extra="forbid")
    word_id: Id
    word_key: Annotated[str, Field(max_length=64)]
    index: Annotated[int, Field(ge=0, le=10_000)]
    correction: Annotated[int, Field(ge=0, le=2**63 - 1)]


class Choice(BaseModel):
    """Crops to accept; `uuid` names the decision, so that sending it again is harmless."""

    model_config = ConfigDict(extra="forbid")
    uuid: UUID
    round_id: Id
    glyphs: Annotated[list[Chosen], Field(min_length=1, max_length=MOST)]


class Judgement(BaseModel):
    """Crops that are wrong, or right after all."""

    model_config = ConfigDict(extra="forbid")
    value: Literal["wrong", "right"]
    glyphs: Annotated[list[Chosen], Field(min_length=1, max_length=MOST)]


def make_glyph_router(store: Store) -> APIRouter:
    """The glyph sheets of this store."""
    router = APIRouter()
    sheets = GlyphSheets(store)
    late = Late(store)

    def sheet_of(character: str, order: Order) -> tuple[Sheet, int] | None:
        seen = store.seen_round()
        clusters = characters(character)
        if len(clusters) != 1:
            raise Refused(f"character={character!r}: expected one character.")
        return None if seen is None else (sheets.sheet(seen.id, clusters[0], order, hidden(store)), seen.id)

    @router.get("/api/glyphs")
    def glyphs(
        character: Annotated[str, Query(max_length=32)],
        order: Order = "unusual",
        start: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=MOST)] = MOST,
        name: Annotated[str, Query(alias="sheet", max_length=32)] = "",
    ) -> Json:
        """Crops of a character: where each is, what is known of it, and the names of the pictures they are in.

        `sheet` goes on with what an earlier answer began: in its order, whatever people said and rounds did since.
        """
        ready = late.look()
        found = sheet_of(character, order)
        if found is None:
            nothing: Json = {"rows": [], "atlases": [], "cell": [44, 66]}
            return nothing | {"count": 0, "sheet": "", "round_id": None, "compared": False, "ready": True}
        now, round_id = found
        sheet = sheets.gone_on_with(name, now) if name else now
        if sheet is None:
            raise Refused("Much has changed since these crops were first shown. Choose the character again.", 409)
        part = slice(start, start + limit)
        columns = (
            sheet.word[part].tolist(), sheet.keys[part], sheet.index[part].tolist(), sheet.correction[part].tolist(),
            *(np.round(each[part].astype(float), 3).tolist() for each in (sheet.oddity, sheet.confidence)),
            sheet.state[part].tolist(),
        )  # fmt: skip
        return {
            "count": len(sheet.word),
            "sheet": sheet.name,
            # Which words have which character is told by what is prepared for queues.
            "ready": ready,
            "round_id": round_id,
            "compared": bool(np.isfinite(sheet.oddity).any()),
            "cell": list(sheet.cell),
            "columns": COLUMNS,
            "per_atlas": PER_ATLAS,
            "atlases": list(sheet.atlases) if start == 0 else [],
            "states": list(STATES),
            "orders": list(get_args(Order)),
            "rows": [[None if isinstance(cell, float) and cell != cell else cell for cell in row]
                     for row in zip(*columns, strict=True)],
        }  # fmt: skip

    @router.get("/api/glyphs/atlas/{name}")
    def atlas(name: str) -> Response:
        """200 crops in one picture; what a name stands for never changes, so browsers keep it."""
        picture = sheets.atlas(name) if NAME.fullmatch(name) else None
        if picture is None:
            raise Refused("This picture is not at hand any more. Open the character again.", 404)
        headers = {"cache-control": "private, max-age=31536000, immutable"}
        return Response(picture, media_type="image/jpeg", headers=headers)

    @router.post("/api/glyphs/accept")
    def accept(choice: Choice) -> Json:
        """Accept characters as they are shown: one correction a word, on top of what the person saw in force."""
        by_word: dict[int, list[Chosen]] = {}
        for each in choice.glyphs:
            by_word.setdefault(each.word_id, []).append(each)
        accepted: dict[str, int] = {}
        conflicts: list[Json] = []
        for word_id, chosen in by_word.items():
            saved = _accept(store, choice, word_id, chosen)
            if isinstance(saved, Correction):
                accepted[str(word_id)] = saved.id
            else:
                conflicts.append({"word_id": word_id, "detail": saved})
        _unflag(store, [each for each in choice.glyphs if str(each.word_id) in accepted])
        return {"accepted": accepted, "conflicts": conflicts}

    @router.post("/api/glyphs/flag")
    def flag(judgement: Judgement) -> Json:
        """Flag characters, or take that back; their words are in the queue of what is flagged until corrected."""
        store.judge_glyphs([(each.word_id, each.index) for each in judgement.glyphs], judgement.value, author())
        return {"judged": len(judgement.glyphs)}

    return router


def _unflag(store: Store, accepted: list[Chosen]) -> None:
    """Who accepts a character that was flagged says that it is right after all."""
    flagged = store.flagged_glyphs()
    right = [(each.word_id, each.index) for each in accepted if each.index in flagged.get(each.word_id, ())]
    if right:
        store.judge_glyphs(right, "right", author())


def _accept(store: Store, choice: Choice, word_id: int, chosen: list[Chosen]) -> Correction | str:
    """The correction of one word, or why there is none."""
    word = store.words([word_id])[0]
    proposal = store.proposals(choice.round_id, [word_id]).get(word_id)
    in_force = store.corrections_in_force([word_id]).get(word_id)
    uuid = str(uuid5(choice.uuid, str(word_id)))
    if in_force is not None and in_force.uuid == uuid:
        return in_force  # sent again
    if any(each.word_key != word.key for each in chosen) or proposal is None:
        return f"{word.name}: its transcript is another than the one that was shown. Open the character again."
    if (in_force.id if in_force else 0) != chosen[0].correction:
        return f"{word.name}: somebody decided about this word meanwhile. Open the character again."
    if in_force is not None and in_force.kind == "flag":
        return f"{word.name} is flagged: its transcript or picture may be wrong. Open it, and decide about the word."
    boxes = [None if row[0] != row[0] else tuple(row) for row in proposal.boxes.astype(float).round(2).tolist()]
    marks = [CharacterMark("untouched", box) for box in boxes]
    if in_force is not None and len(in_force.characters) == len(marks):
        marks = list(in_force.characters)
    for index in {each.index for each in chosen}:
        if index >= len(marks):
            return f"{word.name} has no character {index + 1}. Open the character again."
        mark = marks[index]
        if mark.state == "untouched" and (mark.box or boxes[index]):
            marks[index] = CharacterMark("accepted", mark.box or boxes[index])
    # Accepted among its likes, a character says nothing of its word: what was decided of that stays decided.
    reason = AMONG_LIKES_AFTER if in_force is not None and decides(in_force) else AMONG_LIKES
    new = NewCorrection(
        word_id, uuid, "boxes", tuple(marks), reason=reason, round_id=choice.round_id,
        base_id=in_force.id if in_force else None, author=author(), text=in_force.text if in_force else None,
    )  # fmt: skip
    try:
        return store.save_correction(new)
    except Conflict as conflict:
        return str(conflict)
