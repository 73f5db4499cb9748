"""Re-alignment while a person works: where the untouched characters go if the others stay where they were put."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from annotator.aligner import Aligner, NotReady, Superseded
from annotator.api import MAX_CHARACTERS, Id, Json, Mark, Refused, check_marks, one_word
from charloc.supervision import pins_of
from charloc.text import characters, normalise, visual_order
from charloc.types import TranscriptError
from db import Round, Store, UnknownItem, Word

MOST_WARMED = 32
LONGEST_TEXT = 16_000
"""Code points."""
LONGEST_CLUSTER = 64
"""Code points that a person may merge into one character."""


class Step(BaseModel):
    """A word as it is on the page now.

    Args:
        word_key: which image and transcript the person sees, as in a decision.
        characters: as the person split and merged them; null: as the word has them.
        text: a new transcript instead; it is split here.
        marks: one per character; null: nobody has said anything.
        seq: grows with every step; comes back with the answer.
        client: tells pages apart that ask about the same word.
    """

    model_config = ConfigDict(extra="forbid")
    word_key: Annotated[str, Field(max_length=64)]
    characters: (
        Annotated[
            list[Annotated[str, Field(min_length=1, max_length=LONGEST_CLUSTER)]],
            Field(min_length=1, max_length=MAX_CHARACTERS),
        ]
        | None
    ) = None
    text: Annotated[str, Field(max_length=LONGEST_TEXT)] | None = None
    marks: Annotated[list[Mark], Field(max_length=MAX_CHARACTERS)] | None = None
    seq: Annotated[int, Field(ge=0, le=2**53)] = 0
    client: Annotated[str, Field(max_length=64)] = ""


class Ahead(BaseModel):
    """Words that will be asked about soon."""

    model_config = ConfigDict(extra="forbid")
    ids: Annotated[list[Id], Field(max_length=MOST_WARMED)]


def make_realign_router(store: Store, aligner: Aligner | None) -> APIRouter:
    """The routes, on this store; without an aligner they say that there is none."""
    router = APIRouter()

    @router.post("/api/words/{word_id}/realign")
    def realign(word_id: Id, step: Step, request: Request) -> Json:
        """Solve the untouched characters anew; those a person placed come back as they are.

        503 says that it cannot be done just now, 409 that a newer step of the same page came, 422 what is wrong.
        """
        started = time.perf_counter()
        word = as_asked(one_word(store, word_id), step)
        marks = step.marks or [Mark(state="untouched")] * len(word.characters)
        if len(marks) != len(word.characters):
            raise Refused(f"'{word.name}' has {len(word.characters)} characters, but {len(marks)} marks were sent.")
        check_marks(marks, word)
        seen = store.seen_round()
        if seen is None:
            raise Refused("There are no proposals yet, so there is nothing to re-align by.", 503)
        host = request.client.host if request.client else ""
        asked = as_request(seen, word) | {"pins": [[each.index, each.box, each.state] for each in pins_of(marks)]}
        try:
            found = _there(aligner).solve((host, step.client, word.id), step.seq, asked)
        except NotReady as error:
            raise Refused(str(error), 503) from error
        except Superseded as error:
            raise Refused(str(error), 409) from error
        said = [mark.state != "untouched" for mark in marks]
        return {
            "characters": list(word.characters),
            "order": visual_order(word.characters),
            # As the person gave them, to the last digit.
            "boxes": [m.box if s else box for m, s, box in zip(marks, said, found["boxes"], strict=True)],
            "confidence": [1.0 if s else each for s, each in zip(said, found["confidence"], strict=True)],
            "round_id": found["round_id"],
            "seq": step.seq,
            "ms": round(1e3 * (time.perf_counter() - started), 1),
        }

    @router.post("/api/realign/warm")
    def warm(ahead: Ahead) -> Json:
        """Make words ready, the first one first; `ready` says whether steps are answered already."""
        there = _there(aligner)
        try:
            words = store.words(ahead.ids)
        except UnknownItem as error:
            raise Refused(str(error), 404) from error
        seen = store.seen_round()
        if seen is not None:
            for word in reversed(words):
                there.warm(word.id, as_request(seen, word))
        return {"ready": there.ready}

    return router


def as_asked(word: Word, step: Step) -> Word:
    """The word with the characters that a step asks about.

    Raises:
        Refused: it is another word than the person saw, or nothing to align.
        TranscriptError: a transcript that none can be.
    """
    if step.word_key != word.key:
        raise Refused(f"This is about another image or transcript than '{word.name}'. Reload the page to get it anew.")
    asked: Sequence[str]
    if step.text is not None:
        if step.characters is not None:
            raise Refused("Either the characters or a text: both were sent.")
        asked = characters(normalise(step.text))
    elif step.characters is not None:
        asked = step.characters
        normalise("".join(asked))  # refuses what is no transcript
    else:
        return word
    if not any(each.strip() for each in asked):
        raise TranscriptError(f"'{word.name}': the transcript is empty. Type what the image shows, or flag the word.")
    if len(asked) > MAX_CHARACTERS:
        raise TranscriptError(f"'{word.name}': {len(asked)} characters; at most {MAX_CHARACTERS} can be aligned.")
    return replace(word, characters=tuple(asked), text="".join(asked))


def as_request(seen: Round, word: Word) -> Json:
    """A word as the aligner is asked about it, by the method of a round."""
    shown = {"id": word.id, "name": word.name, "sha": word.image_sha}
    return {"round_id": seen.id, "word": shown, "characters": word.characters}


def _there(aligner: Aligner | None) -> Aligner:
    if aligner is None:
        raise Refused("This server does not re-align words.", 503)
    return aligner
