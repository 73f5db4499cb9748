"""The project of the guide's pictures: the demo, after work that nobody did."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from annotator.auditing import begin
from annotator.demo import demo_words
from annotator.importer import import_items
from annotator.oddities import look_for_oddities
from annotator.rounds import run_round
from annotator.suspicions import look
from annotator.turns import prepare
from charloc.em import FIRST
from charloc.metrics import iou
from charloc.types import Box, SourceWord
from db import CharacterMark, NewCorrection, Store, Word
from db.team_records import NewOpinion

TYPOS = {
    "primer/08.png": "wrods", "letter/05.png": "litle", "poster/05.png": "Miltary", "ledger/02.png": "kettel,",
    "spine/03.png": "quite", "crooked/05.png": "floded,",
}  # fmt: skip
"""Transcripts that are wrong, by the name of their word."""
SAME_PLACE = 0.6
SEED = 7
DRAWN, AUDITED = 50, 41
PASSWORD = "correct horse battery"

Known = dict[int, tuple[Box | None, ...]]


def worked_on(project: Path) -> None:
    """Make the project: three rounds, corrections, tags, an audit, suspicious words.

    The person who corrects knows the true boxes, for these words are rendered.
    """
    with Store.open(project, create=True) as store:
        words = list(demo_words())
        known_by_name = {each.name: each.boxes for each in words}
        import_items(store, _mistyped(words), len(words))
        records = {each.id: each for each in store.words(store.word_ids())}
        known = {
            id: boxes for id, each in records.items()
            if (boxes := known_by_name[each.name]) is not None and len(boxes) == len(each.characters)
            and each.name not in TYPOS
        }  # fmt: skip
        run_round(store, project, FIRST)
        queue = [id for id in store.queue(len(records)) if id in known]
        for id in queue[:24]:
            correct(store, records[id], known)
        run_round(store, project, "segmental")
        for id in queue[24:34]:
            correct(store, records[id], known)
        run_round(store, project, "segmental")
        say(store, records[queue[34]], "flag", reason="Unreadable")
        say(store, records[queue[35]], "skip")
        store.tag([id for id, each in records.items() if each.name.startswith("crooked")], "leaning")
        store.tag([id for id, each in records.items() if each.name.startswith("ledger/0")], "ruled")
        look(store, project)
        audit = begin(store, DRAWN, SEED)
        for id in [each for each in store.audit_words(audit.id) if each in known][:AUDITED]:
            marks = marked(store, records[id], known)
            said = NewOpinion(id, str(uuid4()), "audit", "boxes", marks, audit_id=audit.id)
            store.save_opinion(said)
        seen = store.seen_round()
        assert seen is not None
        prepare(store, seen)
        look_for_oddities(store, seen)


def with_a_bad_round(project: Path) -> None:
    """One more round, by a method that is clearly worse."""
    with Store.open(project) as store:
        run_round(store, project, "even")


def with_people(project: Path) -> None:
    """Three people, two of whom have read the same words, not always alike."""
    with Store.open(project) as store:
        _invite(store)


def _invite(store: Store) -> None:
    for name, role in (("Ada", "owner"), ("Ben", "annotator"), ("Zoë", "annotator")):
        store.add_person(name, role, PASSWORD)
    words = store.words(store.with_reference())
    words = [each for each in words if each.name not in TYPOS]
    known = {id: reference.boxes for id, reference in store.reference([each.id for each in words]).items()}
    checked, shared = words[:4], [each for each in words[4:] if " " not in each.characters][:9]
    store.add_check_words({each.id: known[each.id] for each in checked}, "Ada")
    rng = np.random.default_rng(SEED)
    for number, word in enumerate(shared):
        base = next((each.id for each in store.corrections_in_force().values() if each.word_id == word.id), None)
        say(store, word, "boxes", shaken(known[word.id], rng, 0.4), author="Ben", base_id=base)
        far = 4.0 if number in (1, 4) else 0.6
        store.save_opinion(_opinion(word, "second", shaken(known[word.id], rng, far), "Zoë"))
    for name, far in (("Ben", 0.5), ("Zoë", 1.2)):
        for word in checked:
            store.save_opinion(_opinion(word, "check", shaken(known[word.id], rng, far), name))


def correct(store: Store, word: Word, known: Known) -> None:
    """What a careful person says of a word: right boxes are accepted, others are moved."""
    say(store, word, "boxes", marked(store, word, known))


def marked(store: Store, word: Word, known: Known) -> tuple[CharacterMark, ...]:
    seen = store.seen_round()
    assert seen is not None
    proposed = store.proposals(seen.id, [word.id])[word.id].boxes.tolist()
    return tuple(
        CharacterMark("untouched") if true is None
        else CharacterMark("accepted", tuple(shown)) if right(shown, true)
        else CharacterMark("pinned", true)
        for shown, true in zip(proposed, known[word.id], strict=True)
    )  # fmt: skip


def right(shown: list[float], true: Box) -> bool:
    return bool(np.isfinite(shown).all()) and float(iou(np.array(shown), np.array(true))) > SAME_PLACE


def say(store: Store, word: Word, kind: str, marks: tuple[CharacterMark, ...] = (), **more: object) -> None:
    seen = store.seen_round()
    shown = seen.id if seen else None
    store.save_correction(NewCorrection(word.id, str(uuid4()), kind, marks, round_id=shown, **more))  # type: ignore[arg-type]


def shaken(boxes: tuple[Box | None, ...], rng: np.random.Generator, far_px: float) -> tuple[CharacterMark, ...]:
    """Boxes as somebody draws them who is off by so much."""
    return tuple(
        CharacterMark("untouched") if box is None else CharacterMark("pinned", _moved(box, rng.normal(0, far_px, 2)))
        for box in boxes
    )


def _moved(box: Box, by: NDArray[np.float64]) -> Box:
    x0, y0, x1, y1 = np.maximum(0, np.array(box) + np.tile(by, 2)).tolist()
    return x0, y0, x1, y1


def _opinion(word: Word, purpose: str, marks: tuple[CharacterMark, ...], author: str) -> NewOpinion:
    return NewOpinion(word.id, str(uuid4()), purpose, "boxes", marks, author=author)  # type: ignore[arg-type]


def _mistyped(words: list[SourceWord]) -> Iterator[SourceWord]:
    for word in words:
        typo = TYPOS.get(word.name)
        yield replace(word, text=typo, boxes=None) if typo else word
