"""When it is whose turn in the queues that take work: worked out when a round has finished."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from threading import Lock, Thread
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from charloc.diversity import Question, diverse, question
from charloc.methods import Progress, silent
from charloc.text import is_space
from charloc.types import Localization
from charloc.uncertainty import together
from db import Round, Store, Word, WordTurns

CHUNK = 500
DIVERSE = 2000
"""So many words are put in a diverse order, more than people look at between two rounds; the others follow by doubt."""
CANDIDATES = 20_000
"""The most doubtful words, of which they are."""
OWN_S = 60.0
"""So long the process that ran a round is left to do it."""
TAKE_WORK = ("apart", "both", "diverse", "character")
"""The queues whose order is prepared."""
ANSWERED = 0.7
"""What is corrected counts as asked about with as much confidence in each of its characters."""


def prepare(store: Store, this: Round, progress: Progress = silent) -> None:
    """Work out and keep whose turn it is by disagreement, by both, by diversity and by character.

    Args:
        store: the project's store.
        this: the finished round that people see.
        progress: called with ("order", done, total); may raise to stop.
    """
    store.put_turns(this.id, _turns(store, this, progress))


_WORKING: WeakKeyDictionary[Store, Lock] = WeakKeyDictionary()
"""Held while a store's are prepared: several pages ask, one thread works."""


class Late:
    """Prepares them in this process where the round's own did not: it was killed, an earlier round was gone back to, or
    an older charloc made it.

    Args:
        store: the project's store.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._working = _WORKING.setdefault(store, Lock())

    def look(self, wait_s: float = 1.0, *, own: bool = True) -> bool:
        """Begin, if there is something to prepare, and wait a moment; what there was is used until it is done.

        Args:
            wait_s: how long to wait at most.
            own: whether the process that ran the round may still be about to do it.

        Returns:
            Whether what is prepared is that of the round people see.
        """
        seen = self._store.seen_round()
        if seen is None or seen.finished_at is None or self._store.queues_of() == seen.id:
            return True
        its_turn = own and (datetime.now(UTC) - seen.finished_at).total_seconds() < OWN_S
        if its_turn or not self._working.acquire(blocking=False):
            return False
        thread = Thread(target=self._prepare, args=(seen,), daemon=True)
        thread.start()
        thread.join(wait_s)
        return self._store.queues_of() == seen.id

    def _prepare(self, this: Round) -> None:
        try:
            done = None
            # Another one may be gone back to meanwhile.
            while this.id != done:
                prepare(self._store, this)
                done, this = this.id, self._store.seen_round() or this
        finally:
            self._working.release()


def _turns(store: Store, this: Round, progress: Progress) -> list[WordTurns]:
    ids = store.word_ids()
    turns: list[WordTurns] = []
    questions: list[Question] = []
    asked: list[Question] = []
    corrected = {id for id, each in store.corrections_in_force().items() if each.kind == "boxes"}
    for start in range(0, len(ids), CHUNK):
        progress("order", start, len(ids))
        some = ids[start : start + CHUNK]
        proposals, elsewhere = store.proposals(this.id, some), store.disagreements(this.id, some)
        for word in store.words(some):
            proposal = proposals.get(word.id)
            # Of another length: somebody changed the transcript between two reads.
            if proposal is None or len(proposal.boxes) != len(word.characters):
                continue
            apart = elsewhere.get(word.id)
            turns.append(_of_word(word, proposal, apart))
            if word.id in corrected:
                asked.append(_question(word, np.full(len(word.characters), ANSWERED, np.float32), proposal))
            else:
                questions.append(_question(word, proposal.confidence, proposal))
    places = _diverse(turns, questions, asked)
    progress("order", len(ids), len(ids))
    return [replace(each, diverse=float(places.get(each.word_id, math.inf))) for each in turns]


def _of_word(word: Word, proposal: Localization, apart: NDArray[np.float32] | None) -> WordTurns:
    least: dict[str, float] = {}
    for character, confidence in zip(word.characters, proposal.confidence.tolist(), strict=True):
        if not is_space(character):
            least[character] = min(least.get(character, 1.0), confidence if math.isfinite(confidence) else 0.0)
    known = apart is not None and not np.isnan(apart).all()
    most = -float(np.nanmax(apart)) if apart is not None and known else None
    return WordTurns(word.id, most, -together(proposal, apart), math.inf, least)


def _question(word: Word, confidence: NDArray[np.float32], proposal: Localization) -> Question:
    confidence = np.where(np.isnan(proposal.boxes[:, 0]), np.nan, confidence).astype(np.float32)
    heights = sorted((proposal.boxes[:, 3] - proposal.boxes[:, 1])[~np.isnan(proposal.boxes[:, 0])].tolist())
    # Words of one font, size and shape: by halves of an octave of their letters' height.
    size = round(2 * math.log2(max(heights[len(heights) // 2], 1.0))) if heights else 0
    style = str(word.meta.get("font") or word.meta.get("writer") or word.meta.get("source") or "")
    return question(word.id, word.characters, confidence, str(word.meta.get("page") or ""), f"{style} {size}")


def _diverse(turns: Sequence[WordTurns], questions: Sequence[Question], asked: Sequence[Question]) -> dict[int, int]:
    """Each word's place in the diverse order; those that were asked about have none."""
    doubt = {each.word_id: each.both for each in turns}
    by_doubt = sorted(questions, key=lambda each: (doubt[each.id], each.id))
    chosen = list(diverse(by_doubt[:CANDIDATES], asked, DIVERSE))
    first = set(chosen)
    return {id: at for at, id in enumerate([*chosen, *(each.id for each in by_doubt if each.id not in first)])}
