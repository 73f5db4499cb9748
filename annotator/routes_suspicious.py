"""The REST interface of suspicious transcripts: what looks wrong, looking anew, and what people say to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from pathlib import Path
from threading import Lock
from typing import Annotated, Any, Literal, cast
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from annotator.access import author
from annotator.api import MAX_CHARACTERS, Id, Json, Refused, correction_json, hidden, one_word, picture_json
from annotator.background import LOG
from annotator.jobs import Busy, Process
from annotator.suspicions import NO_ROUND, job, last_trouble, stop_looking
from charloc.suspicion import IN_WORDS, Reason, difference
from charloc.text import visual_order
from db import CharacterMark, Conflict, Correction, NewCorrection, Store, StoredSuspicion, Word

AT_ONCE = 100
Look = Callable[[Path], Process]
"""look(project): a process that looks at every word of the project."""


class Accept(BaseModel):
    """A suggestion that a person takes: the word's transcript from now on.

    Args:
        word_key: which image and imported transcript the person sees, as in a decision.
        base_id: the correction that was in force when they looked, if any.
        text: the suggestion's characters.
    """

    model_config = ConfigDict(extra="forbid")
    uuid: UUID
    word_key: Annotated[str, Field(max_length=64)]
    base_id: Id | None = None
    text: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=100)]], Field(min_length=1, max_length=MAX_CHARACTERS)
    ]


class Verdict(BaseModel):
    """Whether a person says that a transcript is right, or takes that back."""

    model_config = ConfigDict(extra="forbid")
    value: Literal["right", "open"]


class Looking:
    """Starts the process that looks, and says how far it is; what is known of it stands in the store.

    Args:
        store: the open project.
        project: its folder.
        look: starts the process.
    """

    def __init__(self, store: Store, project: Path, look: Look) -> None:
        self._store, self._project, self._look = store, project, look
        self._lock = Lock()
        self._process: Process | None = None

    def start(self) -> None:
        """Start it.

        Raises:
            Busy: one is at it.
        """
        with self._lock:
            if job(self._store) is not None or (self._process is not None and self._process.poll() is None):
                raise Busy("Transcripts are being looked at already. Wait until that has finished, or stop it.")
            self._process = self._look(self._project)

    def view(self) -> Json:
        """State ("idle", "starting", "running" or "failed"), how far it is, and a message."""
        running = job(self._store)
        if running is not None:
            known = {key: running.get(key, 0) for key in ("done", "total")}
            return {"state": "running", "phase": running.get("phase", ""), **known, "stopping": running["stopping"]}
        code = self._process.poll() if self._process is not None else 0
        if code is None:
            return {"state": "starting"}
        trouble = last_trouble(self._store)
        if trouble or code > 0:
            return {"state": "failed", "message": trouble or f"It ended with exit status {code}. See {LOG}."}
        return {"state": "idle"}


def make_suspicious_router(store: Store, project: Path, look: Look) -> APIRouter:
    """All routes of suspicious transcripts, on this store."""
    router = APIRouter()
    looking = Looking(store, project, look)

    @router.get("/api/suspicions")
    def suspicions(
        least: Annotated[float, Query(ge=0, le=1)] = 0.2,
        offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
        limit: Annotated[int, Query(ge=0, le=AT_ONCE)] = 50,
    ) -> Json:
        """What looks wrong, worst first, of the newest round after which words were looked at."""
        seen = store.seen_round()
        of = seen.id if seen is not None and store.has_suspicions(seen.id) else store.suspicious_round()
        unseen = hidden(store)
        found = [each for each in store.suspicions(of, least) if each.word_id not in unseen] if of is not None else []
        return {
            "words": rows(store, found[offset : offset + limit]),
            "total": len(found),
            "round": store.round(of).number if of is not None else None,
            "newest": seen.number if seen is not None else None,
            "count": store.word_count(),
            "right": len(store.judged_right()),
            "job": looking.view(),
        }

    @router.post("/api/suspicions/run", status_code=202)
    def run() -> Json:
        """Look at every word, in another process."""
        if store.seen_round() is None:
            raise Refused(NO_ROUND, 409)
        looking.start()
        return {"job": looking.view()}

    @router.post("/api/suspicions/stop", status_code=202)
    def stop() -> Json:
        """Ask the process to stop."""
        stop_looking(store)
        return {"job": looking.view()}

    @router.post("/api/suspicions/{word_id}/right")
    def right(word_id: Id, verdict: Verdict) -> Json:
        """A person says that the transcript is right: it is not shown again; or takes that back."""
        one_word(store, word_id)
        store.judge_transcript(word_id, verdict.value, author())
        return {"right": verdict.value == "right"}

    @router.post("/api/suspicions/{word_id}/accept")
    def accept(word_id: Id, taken: Accept) -> Response:
        """The suggestion becomes the transcript; what people said of characters that stay holds. 409 as elsewhere."""
        word = one_word(store, word_id)
        if taken.word_key != word.key:
            raise Refused("That is another word by now. Load the page again.", 409)
        if word_id in hidden(store):
            raise Refused(f"'{word.name}' is in your hands: decide about it in the editor first.", 409)
        before = store.corrections_in_force([word_id]).get(word_id)
        text = tuple(taken.text)
        try:
            saved = store.save_correction(
                NewCorrection(
                    word_id=word_id,
                    uuid=str(taken.uuid),
                    kind="boxes",
                    characters=carried_over(word.reading(before.text if before else None), before, text),
                    reason="suggested",
                    base_id=taken.base_id,
                    author=author(),
                    text=text,
                )
            )
        except Conflict as conflict:
            newer = correction_json(conflict.in_force) if conflict.in_force else None
            return JSONResponse({"detail": str(conflict), "correction": newer}, status_code=409)
        return JSONResponse({"correction": correction_json(saved)})

    return router


def carried_over(word: Word, before: Correction | None, text: Sequence[str]) -> tuple[CharacterMark, ...]:
    """The marks of a changed transcript: of characters that stay, what was said of them; of new ones nothing.

    Args:
        word: with the transcript that `before` gives it.
        before: the correction in force, if any.
        text: the characters from now on.
    """
    marks = [CharacterMark("untouched") for _ in text]
    if before is None or before.kind != "boxes":
        return tuple(marks)
    for i, j, size in SequenceMatcher(None, word.characters, text, autojunk=False).get_matching_blocks():
        marks[j : j + size] = before.characters[i : i + size]
    return tuple(marks)


def rows(store: Store, found: Sequence[StoredSuspicion]) -> list[Json]:
    """Suspicions as the page takes them."""
    ids = [each.word_id for each in found]
    words = {word.id: word for word in store.words(ids)}
    others = {word.id: word for word in store.words([each.other for each in found if each.other is not None])}
    in_force = store.corrections_in_force(ids)
    return [row(each, words[each.word_id], in_force.get(each.word_id), others.get(each.other or 0)) for each in found]


def row(found: StoredSuspicion, word: Word, correction: Correction | None, other: Word | None) -> Json:
    """One suspicion as the page takes it."""
    suggestion = found.suggestion
    reasons: list[tuple[str, float]] = sorted(found.weights.items(), key=lambda each: -each[1])
    text = list(found.text)
    order = visual_order(text)
    return picture_json(word.reading(found.text)) | {
        "key": word.key,
        "rtl": len(order) > 1 and order[0] > order[-1],
        "score": found.score,
        "reason": found.reason,
        "why": in_words(found.reason),
        "also": [in_words(name) for name, weight in reasons if name != found.reason and weight >= 0.1],
        "suggestion": None if suggestion is None else list(suggestion),
        "difference": difference(found.text, suggestion) if suggestion is not None else [],
        "other": None if other is None else {"id": other.id, "name": other.name, "text": other.text},
        "correction": correction_json(correction) if correction else None,
    }


def in_words(reason: str) -> str:
    """A reason for people; one that a newer charloc stored, as it is."""
    known: Any = IN_WORDS.get(cast(Reason, reason))
    return str(known or reason)
