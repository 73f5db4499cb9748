"""The REST interface of the editor: words to annotate, corrections, rounds, images.

Handlers are plain functions, so they run in the thread pool and a slow disk never blocks the event loop.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Literal
from uuid import UUID

import numpy as np
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

from annotator.access import author, person
from annotator.disagreements import or_none
from annotator.jobs import Jobs
from annotator.present import present
from annotator.sharing import keep
from annotator.starts import FRESH, INIT
from charloc.images import decode
from charloc.text import visual_order
from charloc.types import CharlocError, Localization
from db import CharacterMark, Conflict, Correction, NewCorrection, Round, Store, UnknownItem, Word
from db.team_records import Lease, Opinion

MAX_CHARACTERS = 4000
SHA256 = re.compile(r"[0-9a-f]{64}")
SHOWN_AS_IS = frozenset({"image/png", "image/jpeg"})
Json = dict[str, object]
Id = Annotated[int, Field(ge=1, le=2**63 - 1)]


class Refused(CharlocError):
    """A request that cannot be granted; `status` is its HTTP status."""

    def __init__(self, message: str, status: int = 422) -> None:
        super().__init__(message)
        self.status = status


class Mark(BaseModel):
    """What a person said about one character."""

    model_config = ConfigDict(extra="forbid")
    state: Literal["untouched", "accepted", "pinned", "invisible"]
    box: tuple[float, float, float, float] | None = None


class Decision(BaseModel):
    """A correction as the editor sends it. `word_key` says which image and text the person saw, so that a decision
    kept in a browser never lands on another project's word of the same number."""

    model_config = ConfigDict(extra="forbid")
    uuid: UUID
    word_id: Id
    word_key: Annotated[str, Field(max_length=64)]
    kind: Literal["boxes", "flag", "skip", "clear"]
    characters: Annotated[list[Mark], Field(max_length=MAX_CHARACTERS)] = []
    reason: Annotated[str, Field(max_length=500)] = ""
    # The transcript's characters where they are not the imported ones.
    text: Annotated[list[Annotated[str, Field(max_length=100)]], Field(max_length=MAX_CHARACTERS)] | None = None
    round_id: Id | None = None
    base_id: Id | None = None
    # Under which the word was handed to this person.
    lease: Id | None = None


def make_router(store: Store, jobs: Jobs, project: Json) -> APIRouter:
    """All routes, on this store.

    Args:
        store: the open project.
        jobs: starts and stops rounds.
        project: what `/api/status` says the project is ({"id", "name"}).
    """
    router = APIRouter()

    @router.get("/api/words/{word_id}")
    def word(word_id: Id) -> Json:
        """One word with its proposal and the correction in force."""
        one_word(store, word_id)
        # Somebody with unfinished work on a word sees it as it was handed to them.
        lease = store.unsettled(author(), word_id) if author() and word_id not in hidden(store) else None
        return leased_json(store, [lease])[0] if lease else words_json(store, [word_id])[0]

    @router.post("/api/corrections")
    def correct(decision: Decision) -> Response:
        """Store a decision, exactly once per uuid. 409 carries the newer correction somebody else made."""
        target = one_word(store, decision.word_id)
        check(decision, target)
        try:
            said = NewCorrection(
                word_id=target.id,
                uuid=str(decision.uuid),
                kind=decision.kind,
                characters=tuple(CharacterMark(state=mark.state, box=mark.box) for mark in decision.characters),
                reason=decision.reason,
                round_id=decision.round_id,
                base_id=decision.base_id,
                author=author(),
                text=None if decision.text is None else tuple(decision.text),
            )
            saved = keep(store, said, decision.lease)
        except Conflict as conflict:
            newer = correction_json(conflict.in_force) if conflict.in_force else None
            return JSONResponse({"detail": str(conflict), "correction": newer}, status_code=409)
        return JSONResponse({"correction": correction_json(saved)})

    @router.get("/api/status")
    def status() -> Json:
        """What the page's header shows: how far the project is and what is running."""
        seen, who = store.seen_round(), person()
        # What waits in a browser is each person's own: nobody's decisions are sent under another's name.
        mine = project | {"id": f"{project['id']}.{who.id}"} if who else project
        return {
            "project": mine,
            "person": {"name": who.name, "role": who.role} if who else None,
            "counts": asdict(store.counts()),
            "newest": round_json(seen) if seen else None,
            "job": jobs.view(),
        }

    @router.get("/images/{sha}")
    def image(sha: str, request: Request) -> Response:
        """An image by the sha256 of its bytes; it can never change, so browsers keep it."""
        if not SHA256.fullmatch(sha):
            raise Refused("An image is named by 64 hexadecimal digits.", 404)
        headers = {"cache-control": "private, max-age=31536000, immutable", "etag": f'"{sha}"'}
        if request.headers.get("if-none-match") == headers["etag"]:
            return Response(status_code=304, headers=headers)
        try:
            data, media_type = store.image(sha)
        except UnknownItem as error:
            raise Refused(str(error), 404) from error
        if media_type not in SHOWN_AS_IS:
            data, media_type = as_png(data), "image/png"
        return Response(data, media_type=media_type, headers=headers)

    return router


def one_word(store: Store, word_id: int) -> Word:
    """The word, or a 404 that says so."""
    try:
        return store.words([word_id])[0]
    except UnknownItem as error:
        raise Refused(str(error), 404) from error


def check(decision: Decision, word: Word) -> None:
    """Refuse a decision that does not fit its word, naming the character."""
    if decision.word_key != word.key:
        raise Refused(
            f"This decision is about another image or transcript than '{word.name}' of this project. "
            "Was another project served at this address before?"
        )
    if decision.kind != "boxes":
        return
    word = word.reading(None if decision.text is None else tuple(decision.text))
    if len(decision.characters) != len(word.characters):
        raise Refused(
            f"'{word.name}' has {len(word.characters)} characters, but {len(decision.characters)} were sent. "
            "Reload the page to get the word anew."
        )
    check_marks(decision.characters, word)


def check_marks(marks: Sequence[Mark], word: Word) -> None:
    """Refuse marks, one per character, that no person can have meant, naming the character."""
    for index, (mark, character) in enumerate(zip(marks, word.characters, strict=True)):
        who = f"'{word.name}', character {index + 1} '{character}'"
        if mark.state == "pinned" and mark.box is None:
            raise Refused(f"{who}: a pinned character needs a box.")
        if mark.box is None:
            continue
        x0, y0, x1, y1 = mark.box
        if not all(map(math.isfinite, mark.box)) or not (x0 < x1 and y0 < y1):
            raise Refused(f"{who}: the box {mark.box} is not x0 < x1 and y0 < y1.")
        # A proposal may stick out by rounding; a person's box cannot.
        if mark.state == "pinned" and not (x0 >= 0 and y0 >= 0 and x1 <= word.width and y1 <= word.height):
            raise Refused(f"{who}: the box {mark.box} leaves the image of {word.width} x {word.height} px.")

    check_order(marks, word)


def check_order(marks: Sequence[Mark], word: Word) -> None:
    """Refuse characters that a person placed against the order of the line: no method could follow both.

    One lies wholly on the wrong side of the other's middle; what only overlaps may be a leaning or an embraced letter.
    """
    placed = [i for i in visual_order(word.characters) if marks[i].box and marks[i].state in ("accepted", "pinned")]
    for left, right in pairwise(placed):
        a, b = marks[left], marks[right]
        if a.box is None or b.box is None or a.state == b.state == "accepted":
            continue
        if b.box[2] <= (a.box[0] + a.box[2]) / 2 or a.box[0] >= (b.box[0] + b.box[2]) / 2:
            raise Refused(
                f"'{word.name}': character {right + 1} '{word.characters[right]}' stands left of character {left + 1} "
                f"'{word.characters[left]}', against the transcript. Move one of them, or flag the word."
            )


def hidden(store: Store) -> Mapping[int, Lease]:
    """The words of which whoever asks must not see what others said, by id: handed to them so, and not answered yet."""
    return store.blind_to(author())


def words_json(store: Store, ids: Sequence[int]) -> list[Json]:
    """Words as the editor takes them, in the order of `ids`.

    Those that are hidden from whoever asks look as if nobody had ever said anything of them.
    """
    blind = hidden(store)
    unseen, others = [id for id in ids if id in blind], [id for id in ids if id not in blind]
    found = dict(zip(unseen, blind_json(store, [blind[id] for id in unseen]), strict=True))
    found |= zip(others, open_json(store, others), strict=True)
    return [found[id] for id in ids]


def open_json(store: Store, ids: Sequence[int]) -> list[Json]:
    """Words as the editor takes them, with all that was said of them."""
    seen = store.seen_round()
    elsewhere = store.disagreements(seen.id, ids) if seen else {}
    return [
        word_json(word, seen, proposal, elsewhere.get(word.id), correction)
        for word, proposal, correction in present(store, seen, ids)
    ]


def blind_json(store: Store, leases: Sequence[Lease]) -> list[Json]:
    """Words as if nobody had ever said anything of them, each with its lease."""
    seen, ids = store.seen_round(), [each.word_id for each in leases]
    proposals = store.blind_proposals(ids)
    words = store.words(ids)
    return [
        word_json(word.reading(None), seen, proposals.get(word.id, (0, None))[1], None, None) | {"lease": lease.id}
        for word, lease in zip(words, leases, strict=True)
    ]


def leased_json(store: Store, leases: Sequence[Lease]) -> list[Json]:
    """Words as they were handed to whoever asks, each with its lease."""
    words = words_json(store, [each.word_id for each in leases])
    return [{"lease": lease.id} | word for word, lease in zip(words, leases, strict=True)]


def word_json(
    word: Word,
    seen: Round | None,
    proposal: Localization | None,
    elsewhere: NDArray[np.float32] | None,
    correction: Correction | None,
) -> Json:
    """One word as the editor takes it: what a round proposes for it, and what is in force."""
    if proposal is not None and len(proposal.boxes) != len(word.characters):
        proposal = None
    boxes: list[list[float] | None] = [None] * len(word.characters)
    confidence = [0.0] * len(word.characters)
    if proposal is not None:
        rows = proposal.boxes.astype(float).round(2).tolist()
        boxes = [row if all(map(math.isfinite, row)) else None for row in rows]
        confidence = [round(c, 4) if math.isfinite(c) else 0.0 for c in proposal.confidence.astype(float).tolist()]
    return picture_json(word) | {
        "key": word.key,
        "characters": list(word.characters),
        "imported": list(word.imported),
        "order": visual_order(word.characters),
        "round": seen.number if seen else None,
        "round_id": seen.id if seen else None,
        "boxes": boxes,
        "confidence": confidence,
        "disagreement": or_none(elsewhere if proposal else None, len(word.characters)),
        "correction": correction_json(correction) if correction else None,
    }


def picture_json(word: Word) -> Json:
    """A word as pages list it: with its picture."""
    return {
        "id": word.id,
        "name": word.name,
        "text": word.text,
        "width": word.width,
        "height": word.height,
        "image": f"/images/{word.image_sha}",
    }


def correction_json(correction: Correction | Opinion) -> Json:
    """A correction as the editor takes it."""
    return {
        "id": correction.id,
        "word_id": correction.word_id,
        "uuid": correction.uuid,
        "kind": correction.kind,
        "characters": [{"state": mark.state, "box": mark.box} for mark in correction.characters],
        "reason": correction.reason,
        "text": None if correction.text is None else list(correction.text),
        "author": correction.author,
        "created_at": correction.created_at.isoformat(),
    }


def round_json(each: Round, numbers: dict[int, int] | None = None) -> Json:
    """A round as the rounds page takes it; numbers that are not finite become null.

    Args:
        numbers: of the project's rounds, by id.
    """
    row: Json = {
        name: getattr(each, name)
        for name in (
            "id", "number", "method", "state", "phase", "done", "total", "message", "cancel_requested", "moved",
            "log_likelihood", "seconds", "words_per_s", "words", "heldback_share",
        )
    }  # fmt: skip
    for name in ("prequential", "heldback"):
        error = getattr(each, name)
        row[name] = asdict(error) if error else None
    for name, value in row.items():
        if isinstance(value, float) and not math.isfinite(value):
            row[name] = None
    row["parent"] = (numbers or {}).get(each.parent_id or 0)
    row["begun"] = {key: each.settings[key] for key in (INIT, FRESH) if key in each.settings}
    row["started_at"] = each.started_at.isoformat()
    row["finished_at"] = each.finished_at.isoformat() if each.finished_at else None
    return row


@lru_cache(maxsize=64)
def as_png(data: bytes) -> bytes:
    """An image browsers do not show (TIFF), as PNG; the same pixels the methods see."""
    out = io.BytesIO()
    Image.fromarray(decode(data, "image")).save(out, "PNG")
    return out.getvalue()
