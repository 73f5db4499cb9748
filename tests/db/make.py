"""Small things to put into a store, and what must hold of every store."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from math import inf

import numpy as np
from sqlalchemy import select, text, update

from charloc.types import Localization, SourceWord
from db import CharacterMark, Correction, CorrectionKind, NewCorrection, Round, RoundStats, Store
from db.asked import folded
from db.corrections import AMONG_LIKES
from db.schema import AWAITING, DECIDED, SKIPPED, CorrectionRow, ProposalRow, RoundRow, StandingRow, WordRow

Item = tuple[SourceWord, int, int, str]
STATS = RoundStats(words=1, seconds=2.5, words_per_s=400.0, log_likelihood=-1.25, moved=3)
_numbers = count()


def item(text: str = "abc", image: bytes | None = None, name: str = "", **more: object) -> Item:
    """A word to add; its image is not one, which is no concern of the store's."""
    number = next(_numbers)
    image = b"image %d" % number if image is None else image
    return SourceWord(name or f"{number}.png", image, text, **more), 40, 20, "image/png"  # type: ignore[arg-type]


def add(store: Store, *texts: str) -> list[int]:
    """Add words with these transcripts; return their ids."""
    before = store.word_count()
    store.add_words([item(each) for each in texts])
    return store.word_ids()[before:]


def localization(length: int, value: float = 1.0) -> Localization:
    """`length` equal boxes of `value` px."""
    boxes = np.full((length, 4), value, np.float32)
    return Localization(boxes, np.full(length, 0.5, np.float32), -1.5, "guess")


def begin(store: Store, method: str = "guess", pid: int | None = None) -> Round:
    parent = store.seen_round()
    return store.begin_round(
        method, parent_id=parent.id if parent else None, settings={}, pid=os.getpid() if pid is None else pid
    )


def finish(store: Store, uncertainties: Mapping[int, float], value: float = 1.0) -> Round:
    """Begin and finish a round that proposes something for the words named."""
    begun = begin(store)
    lengths = {word.id: len(word.characters) for word in store.words(list(uncertainties))}
    proposals = [(id, localization(lengths[id], value), each) for id, each in uncertainties.items()]
    store.finish_round(begun.id, proposals, STATS, None)
    return store.round(begun.id)


def before_unaided_was_kept(store: Store, round_id: int) -> None:
    """Make a round one of an older project: what it said by itself is not known."""
    with store.write() as connection:
        connection.execute(update(RoundRow).where(RoundRow.id == round_id).values(heldback_share=None))
        connection.execute(update(ProposalRow).where(ProposalRow.round_id == round_id).values(unaided=None))


def marks(*states: str) -> tuple[CharacterMark, ...]:
    """Marks with these states, each with a box unless it is invisible."""
    return tuple(
        CharacterMark(state, None if state == "invisible" else (10.0 * index, 1.0, 10.0 * index + 8, 19.0))  # type: ignore[arg-type]
        for index, state in enumerate(states)
    )


def new(
    word_id: int,
    kind: CorrectionKind = "boxes",
    characters: Sequence[CharacterMark] | None = None,
    *,
    uuid: str | None = None,
    base_id: int | None = None,
    **more: str,
) -> NewCorrection:
    """A correction; of kind "boxes" for a word of three characters, unless `characters` are given."""
    if characters is None:
        characters = marks("pinned", "accepted", "untouched") if kind == "boxes" else ()
    uuid = f"uuid-{next(_numbers)}" if uuid is None else uuid
    return NewCorrection(word_id, uuid, kind, tuple(characters), base_id=base_id, **more)


def correct(store: Store, word_id: int, kind: CorrectionKind = "boxes", **more: str) -> Correction:
    """Save a correction on top of the one in force."""
    in_force = store.corrections_in_force([word_id]).get(word_id)
    characters = marks(*["pinned"] * len(store.words([word_id])[0].characters)) if kind == "boxes" else ()
    return store.save_correction(new(word_id, kind, characters, base_id=in_force.id if in_force else None, **more))


def assert_whole(store: Store) -> None:
    """The file is sound, references hold, and `standing` is what corrections and proposals make it."""
    with store.read() as connection:
        assert connection.execute(text("PRAGMA integrity_check")).scalars().all() == ["ok"]
        assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
        words = {id: (name, clusters) for id, name, clusters in connection.execute(
            select(WordRow.id, WordRow.name, WordRow.characters))}  # fmt: skip
        corrections = connection.execute(select(CorrectionRow.__table__).order_by(CorrectionRow.id)).mappings().all()
        seen = store.seen_round()
        uncertainty: dict[int, float] = dict(
            connection.execute(
                select(ProposalRow.word_id, ProposalRow.uncertainty).where(
                    ProposalRow.round_id == (seen.id if seen else None)
                )
            ).all()
        )
        standing = {row["word_id"]: dict(row) for row in connection.execute(select(StandingRow.__table__)).mappings()}
        for row in standing.values():
            for prepared in ("apart", "both", "diverse"):
                del row[prepared]
        unfinished = select(ProposalRow.round_id).join(RoundRow).where(RoundRow.state != "finished")
        assert connection.execute(unfinished).all() == []

    in_force = {row["word_id"]: row for row in corrections}
    expected = {}
    for id, (name, clusters) in words.items():
        row = in_force.get(id)
        states = [mark[0] for mark in row["characters"]] if row else []
        kind = row["kind"] if row else "clear"
        rest = "untouched" in states
        undecided = rest and (set(states) == {"untouched"} or bool(row and row["reason"] == AMONG_LIKES))
        expected[id] = {
            "word_id": id,
            "place": {"boxes": DECIDED, "flag": DECIDED, "skip": SKIPPED, "clear": AWAITING}[kind]
            if kind != "boxes" or not undecided
            else AWAITING,
            "turn": -uncertainty[id] if id in uncertainty else inf,
            "correction_id": row["id"] if row and kind != "clear" else None,
            "accepted": states.count("accepted"),
            "pinned": states.count("pinned"),
            "text": row["text"] if row else None,
            "search": folded("".join((row and row["text"]) or clusters) + "\n" + name),
        }
    assert standing == expected


def chain(history: Iterable[Correction]) -> bool:
    """Whether each decision about a word was made by someone who saw the one before it."""
    in_force: int | None = None
    for each in history:
        if each.base_id != in_force:
            return False
        in_force = None if each.kind == "clear" else each.id
    return True
