"""An audit of a project: words drawn at random, what people said of them, and what follows for all words."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from annotator.exporter import overlay
from annotator.sharing import setting
from charloc.audit import Estimate, Quality, quality, sample, word_rate
from charloc.metrics import Errors, word_errors
from charloc.text import is_space
from charloc.types import Box, CharlocError
from db import Round, Store, Word
from db.audits import Audit
from db.team_records import Lease, Opinion

LEAST_WORDS, USUAL_WORDS = 20, 100
"""A sample smaller than this says next to nothing; so many words are offered to begin with."""


@dataclass(frozen=True, slots=True)
class Result:
    """What an audit has found so far.

    Args:
        answered: words that were looked at.
        doubtful: of these, the share whose transcript or picture a person says is wrong: their boxes are not judged.
        proposed: errors of what the round people see says by itself, without what people said of these words.
        aided: of the words judged, those of which that is not known: a round of an earlier version counts with what
            people had said of them.
        exported: errors of what an export has: what people said in place of what was proposed.
    """

    answered: int
    doubtful: Estimate
    proposed: Quality
    aided: int
    exported: Quality


def current(store: Store) -> Audit | None:
    """The audit that is going on."""
    return next((each for each in reversed(store.audits()) if each.closed_at is None), None)


def begin(store: Store, words: int, seed: int | None = None, author: str = "") -> Audit:
    """Draw a sample and begin an audit of it. Asked for again with the same seed, the one that is going on is it.

    Args:
        store: the open project.
        words: how many; all of them where the project has fewer.
        seed: what to draw with; a random one if None.
        author: who begins it.

    Raises:
        CharlocError: the project has no words, or the sample would be too small to say anything.
    """
    ids = store.word_ids()
    if not ids:
        raise CharlocError("The project has no words yet. Import some first, then audit them.")
    if words < min(LEAST_WORDS, len(ids)):
        raise CharlocError(f"{words} words say next to nothing about {len(ids):,}. Draw {LEAST_WORDS} or more.")
    going = current(store)
    if going and (going.seed, going.population) == (seed, len(ids)) and going.words >= min(words, len(ids)):
        return going
    seed = secrets.randbelow(1 << 31) if seed is None else seed
    return store.begin_audit(seed, len(ids), sample(ids, seed)[:words], author)


def extend(store: Store, audit: Audit, words: int, after: int | None = None) -> Audit:
    """Draw more words for an audit, from the same words and by the same seed: together they are one uniform sample.

    Args:
        store: the open project.
        audit: which.
        words: how many more.
        after: than so many; None: than it has. Asked for again, the same are not drawn twice.

    Raises:
        CharlocError: it has all words already.
    """
    order = sample(store.word_ids()[: audit.population], audit.seed)
    after = audit.words if after is None else after
    more = order[after : after + words]
    if not more:
        raise CharlocError(f"All {audit.population:,} words are in this audit.")
    return store.extend_audit(audit.id, after, more)


def answers(store: Store, audit: Audit) -> dict[int, Opinion]:
    """What was said last of each of its words, by word id."""
    return {each.word_id: each for each in store.opinions("audit", audit_id=audit.id)}


def pending(store: Store, audit: Audit) -> list[int]:
    """Its words that wait to be looked at, in the order they were drawn; those that were skipped come last."""
    said = answers(store, audit)
    words = store.audit_words(audit.id)
    skipped = [id for id in words if id in said and said[id].kind == "skip"]
    return [id for id in words if id not in said] + skipped


def hand_out(store: Store, audit: Audit, name: str, ids: Sequence[int], limit: int) -> dict[int, Lease | None]:
    """Put words of an audit into a person's hands: those that still wait, and are in nobody else's.

    Args:
        store: the open project.
        audit: which.
        name: the person's; empty where nobody logs in: then nothing is in anybody's hands.
        ids: the words, the most wanted first.
        limit: how many at most.

    Returns:
        By word id, in the order of `ids`.
    """
    if not name:
        return dict.fromkeys(ids[:limit])
    waiting = set(pending(store, audit))
    wanted = [id for id in ids if id in waiting]
    leases = store.claim(name, wanted, limit, purpose="audit", minutes=setting(store, "lease_minutes"))
    taken = {each.word_id: each for each in leases}
    return {id: taken[id] for id in wanted if id in taken}


def result(store: Store, audit: Audit, seen: Round | None) -> Result:
    """What follows for all words from what was said of those looked at.

    Args:
        store: the open project.
        audit: which.
        seen: the round that is judged; None where there is none: then nothing is proposed.
    """
    said = {id: each for id, each in answers(store, audit).items() if each.kind in ("boxes", "flag")}
    ids = sorted(said)
    alone = store.unaided(seen.id, ids) if seen else {}
    proposals = store.proposals(seen.id, ids) if seen else {}
    corrections = store.corrections_in_force(ids)
    proposed: list[Errors] = []
    exported: list[Errors] = []
    doubtful = aided = 0
    for word in store.words(ids):
        true = _true_boxes(word, said[word.id])
        if true is None:
            doubtful += 1
            continue
        own = alone.get(word.id)
        if own is None and (own := proposals.get(word.id)) is not None:
            aided += 1
        proposed.append(_errors(true, [None] * len(true) if own is None else overlay(word, own, None)[0]))
        exported.append(_errors(true, overlay(word, proposals.get(word.id), corrections.get(word.id))[0]))
    return Result(
        answered=len(said),
        doubtful=word_rate(doubtful, len(said), audit.population),
        proposed=quality(proposed, audit.population),
        aided=aided,
        exported=quality(exported, audit.population),
    )


def _true_boxes(word: Word, opinion: Opinion) -> list[Box | None] | None:
    """Where the person says that the word's characters are; None if they say that its transcript or picture is wrong.

    A character that nobody placed, or that cannot be seen, has no true box and is not judged.
    """
    characters = word.imported if opinion.text is None else opinion.text
    if opinion.kind == "flag" or characters != word.characters:
        return None
    boxes = [mark.box if mark.state in ("accepted", "pinned") else None for mark in opinion.characters]
    return [None if is_space(character) else box for character, box in zip(characters, boxes, strict=True)]


def _errors(true: Sequence[Box | None], found: Sequence[Box | None]) -> Errors:
    # Of another length only where the transcript was changed between two reads: then nothing fits.
    return word_errors(true, found if len(found) == len(true) else [None] * len(true))
