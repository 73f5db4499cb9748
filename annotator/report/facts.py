"""What a report says of a project, gathered once."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from annotator import auditing
from annotator.lines import line_of
from annotator.prequential import compare, first_corrected_since
from annotator.team import Agreed, by_pair
from charloc.audit import Estimate, Quality, character_rate, word_rate
from charloc.suspicion.alphabet import RARE, Alphabet
from charloc.text import is_space
from db import Counts, Prequential, Round, Store, StoredSuspicion

LEAST = 0.2
"""Words at least so suspicious are reported."""
MOST_SUSPICIOUS, MOST_UNCERTAIN = 30, 18
MOST_NAMED = 20
"""So many sources and pages are listed, the largest first."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A character of the project's alphabet: how often it is written, in how many words, and whether it is rare."""

    character: str
    count: int
    words: int
    rare: bool


@dataclass(frozen=True, slots=True)
class Error:
    """How wrong boxes are, and how that is known.

    Args:
        source: "audit": of a uniform random sample; "corrections": of the words that people corrected since the round
            began, judged before it learned from them; not a random sample.
        what: what is judged, in words.
        words, chars: how many were judged.
        boxes, words_boxes: share of characters whose box, and of words in which any box, is wrong (IoU < 0.5).
        centres: share of characters whose centre is off by more than 0.25 h; None where that was not kept.
        centre_h: mean distance of centres, in word heights.
    """

    source: str
    what: str
    words: int
    chars: int
    boxes: Estimate
    words_boxes: Estimate
    centres: Estimate | None
    centre_h: float


@dataclass(frozen=True, slots=True)
class Suspect:
    """A word that looks wrong."""

    name: str
    suspicion: StoredSuspicion


@dataclass(frozen=True, slots=True)
class Facts:
    """All of it.

    Args:
        project: its name.
        made_at: when this was gathered; aware, UTC.
        version: charloc's.
        counts: words, corrections, flags.
        characters: all of the words' characters, spaces aside.
        images: different pictures.
        sources, pages: (name, words), the largest first.
        alphabet: by falling count.
        rounds: finished ones, oldest first; `seen` is the number of the one people see.
        errors: by audit first.
        suspicious: worst first, the first `MOST_SUSPICIOUS`; `suspicious_all` counts all from `LEAST` on, None where
            nobody has looked; `judged_right` those that people said are right.
        uncertain: ids of the least certain words that nobody has decided about.
        agreed: how far people agree.
    """

    project: str
    made_at: datetime
    version: str
    counts: Counts
    characters: int
    images: int
    sources: tuple[tuple[str, int], ...]
    pages: tuple[tuple[str, int], ...]
    alphabet: tuple[Letter, ...]
    rounds: tuple[Round, ...]
    seen: int | None
    errors: tuple[Error, ...]
    suspicious: tuple[Suspect, ...]
    suspicious_all: int | None
    judged_right: int
    uncertain: tuple[int, ...]
    agreed: tuple[Agreed, ...]

    def as_json(self) -> dict[str, Any]:
        """As plain JSON; what is not a number is null."""
        plain: dict[str, Any] = _plain({field.name: getattr(self, field.name) for field in fields(self)})
        return plain


def gather(store: Store, project: Path) -> Facts:
    """What is known of a project now."""
    seen = store.seen_round()
    words = store.words(store.word_ids())
    alphabet = Alphabet(word.characters for word in words)
    often = Counter(c for word in words for c in word.characters if not is_space(c))
    looked = None
    if seen is not None:
        looked = seen.id if store.has_suspicions(seen.id) else store.suspicious_round()
    found = store.suspicions(looked, LEAST) if looked is not None else []
    names = {word.id: word.name for word in words}
    return Facts(
        project=project.resolve().name,
        made_at=datetime.now(UTC),
        version=_version(),
        counts=store.counts(),
        characters=often.total(),
        images=len({word.image_sha for word in words}),
        sources=_named(Counter(str(each) for word in words if (each := word.meta.get("source")))),
        pages=_named(Counter(str(each) for word in words if (each := word.meta.get("page")))),
        alphabet=tuple(
            Letter(c, count, alphabet.in_words[c], alphabet.in_words[c] in RARE) for c, count in often.most_common()
        ),
        rounds=tuple(each for each in store.rounds() if each.state == "finished"),
        seen=seen.number if seen else None,
        errors=(*_by_audit(store, seen), *_errors(store, seen)),
        suspicious=tuple(Suspect(names[each.word_id], each) for each in found[:MOST_SUSPICIOUS]),
        suspicious_all=len(found) if looked is not None else None,
        judged_right=len(store.judged_right()),
        uncertain=tuple(store.queue(MOST_UNCERTAIN)) if seen else (),
        agreed=tuple(by_pair(store)),
    )


def _by_audit(store: Store, seen: Round | None) -> tuple[Error, ...]:
    """How wrong boxes are, by the newest audit in which a word was looked at: as proposed, and as exported."""
    for audit in reversed(store.audits()):
        found = auditing.result(store, audit, seen)
        if not found.answered:
            continue
        number = f"round {seen.number} by itself" if seen else "nothing"
        if seen and found.aided:
            fixed = f"with what people had said of {found.aided:,} of these words held fixed"
            number = f"round {seen.number}, made by an earlier version {fixed},"
        judged = (
            (f"as {number} proposes", found.proposed),
            ("as exported, with what people corrected", found.exported),
        )
        return tuple(_of_quality(what, each) for what, each in judged if each.words)
    return ()


def _of_quality(what: str, quality: Quality) -> Error:
    return Error(
        source="audit",
        what=what,
        words=quality.words,
        chars=quality.chars,
        boxes=quality.boxes,
        words_boxes=quality.words_boxes,
        centres=quality.centres,
        centre_h=quality.mean_h.value,
    )


def _errors(store: Store, seen: Round | None) -> tuple[Error, ...]:
    """How wrong boxes are, by corrections that the round which is judged has not learned from.

    That is the round people see or, where nothing was corrected since it began, the newest before it that can be.
    """
    upto: int | None = None
    for judged_round in line_of(store, seen):
        new = first_corrected_since(store, judged_round, upto)
        proposals = store.proposals(judged_round.id, list(new))
        judged = [each for id, said in new.items() if (each := compare({id: said}, proposals)) is not None]
        if judged:
            return (_by_corrections(judged_round, judged),)
        upto = judged_round.corrections_upto
    return ()


def _by_corrections(judged_round: Round, judged: Sequence[Prequential]) -> Error:
    wrong, of = [each.wrong for each in judged], [each.chars for each in judged]
    return Error(
        source="corrections",
        what=f"round {judged_round.number}, on words that people corrected before anything learned from that",
        words=len(judged),
        chars=sum(of),
        boxes=character_rate(wrong, of),
        words_boxes=word_rate(sum(each > 0 for each in wrong), len(wrong)),
        centres=None,
        centre_h=sum(each.centre_h * each.chars for each in judged) / sum(of),
    )


def _named(counted: Counter[str]) -> tuple[tuple[str, int], ...]:
    return tuple(counted.most_common(MOST_NAMED))


def _version() -> str:
    try:
        return version("charloc")
    except PackageNotFoundError:
        return ""


def _plain(value: Any) -> Any:
    """Records as dictionaries, times as text, numbers that are none as null."""
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(each) for each in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
