"""Queues: which words to look at next, and in which order."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Select,
    Table,
    bindparam,
    delete,
    func,
    literal,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects.sqlite import insert

from db.asked import Asked, folded
from db.engine import Database
from db.glyphs import flagged_glyphs
from db.records import RecordError
from db.schema import (
    AWAITING,
    DECIDED,
    SKIPPED,
    CharacterTurnRow,
    CorrectionRow,
    SettingRow,
    StandingRow,
    TagRow,
    VerdictRow,
    WordRow,
)

PREPARED = "queues_of_round"
"""The setting that holds the id of the round whose turns are complete."""
AT_ONCE = 5000
"""Rows in one transaction: it takes some tens of milliseconds, and people go on correcting meanwhile."""
LEAST_CERTAIN = Asked()
LAST = 1e300
"""`standing.turn` is above it where the round did not see the word."""
OPEN = ("uncertain", "apart", "both", "diverse", "random", "import")
"""Queues of words that nobody has decided about; those put off come last."""
Rows = Iterator[dict[str, Any]]
_STANDING, _CHARACTER_TURN = (cast(Table, each.__table__) for each in (StandingRow, CharacterTurnRow))
_TURNS = {
    "uncertain": StandingRow.turn,
    "apart": StandingRow.apart,
    "both": StandingRow.both,
    "diverse": StandingRow.diverse,
    "import": StandingRow.word_id,
    "recent": -StandingRow.correction_id,
    "flagged": -StandingRow.correction_id,
}


@dataclass(frozen=True, slots=True)
class WordTurns:
    """When it is a word's turn: ascending.

    Args:
        apart: by disagreement; None where no other method has seen it.
        both: by doubt and disagreement.
        diverse: the place in an order that covers what is doubtful.
        characters: by confidence in each of its characters.
    """

    word_id: int
    apart: float | None
    both: float
    diverse: float
    characters: Mapping[str, float]


class Queues(Database):
    """The part of the store that says whose turn it is."""

    def queue(self, limit: int, exclude: Collection[int] = (), asked: Asked = LEAST_CERTAIN) -> list[int]:
        """The words to ask about next: ids, most urgent first.

        By default those without boxes or a flag in force: by falling uncertainty of the round people see; then those
        it did not see, and before any round all of them, in the order of import; skipped ones last, in the same order.

        Args:
            limit: how many at most.
            exclude: ids to leave out: what the person looks at or has not sent yet.
            asked: another queue, and filters.
        """
        # Left out here, not in the statement: it stays one short index scan, however long the list.
        left_out = set(exclude)
        return [id for id in self.listed(asked, 0, limit + len(left_out)) if id not in left_out][: max(limit, 0)]

    def listed(self, asked: Asked, offset: int, limit: int) -> list[int]:
        """A stretch of the words that are asked for, in their order: ids."""
        if limit < 1:
            return []
        with self.read() as connection:
            query = _query(asked, _prepared(connection))
            return list(connection.execute(query.offset(offset).limit(limit)).scalars())

    def queue_length(self, asked: Asked) -> int:
        """How many words are asked for."""
        with self.read() as connection:
            query = _query(asked, _prepared(connection)).order_by(None)
            return connection.execute(select(func.count()).select_from(query.subquery())).scalar_one()

    def queues_of(self) -> int | None:
        """The round whose turns are prepared; None if no round's are."""
        with self.read() as connection:
            return _prepared(connection)

    def put_turns(self, round_id: int, turns: Sequence[WordTurns]) -> None:
        """Keep when it is whose turn in the queues that take work, in place of an earlier round's.

        In steps: people go on meanwhile.
        """
        with self.write() as connection:
            connection.execute(delete(SettingRow).where(SettingRow.key == PREPARED))
            connection.execute(delete(CharacterTurnRow).where(CharacterTurnRow.round_id == round_id))
        words: Rows = (
            {"of": each.word_id, "to_apart": each.apart, "to_both": each.both, "to_diverse": each.diverse}
            for each in turns
        )
        rows: Rows = (
            {"round_id": round_id, "character": character, "turn": turn, "word_id": each.word_id}
            for each in turns
            for character, turn in each.characters.items()
        )
        change = update(_STANDING).where(_STANDING.c.word_id == bindparam("of"))
        change = change.values({name: bindparam(f"to_{name}") for name in ("apart", "both", "diverse")})
        for statement, values in ((change, words), (insert(_CHARACTER_TURN).on_conflict_do_nothing(), rows)):
            while some := list(islice(values, AT_ONCE)):
                with self.write() as connection:
                    connection.execute(statement, some)
        with self.write() as connection:
            done = insert(SettingRow).values(key=PREPARED, value=round_id)
            connection.execute(done.on_conflict_do_update(index_elements=["key"], set_={"value": round_id}))
        with self.write() as connection:
            connection.execute(delete(CharacterTurnRow).where(CharacterTurnRow.round_id != round_id))

    def characters(self) -> list[tuple[str, int, float]]:
        """The characters of the round people see, with the number of words that have each and their mean confidence
        where they are least sure of it; the most frequent first."""
        with self.read() as connection:
            query = select(CharacterTurnRow.character, func.count(), func.avg(CharacterTurnRow.turn))
            query = query.where(CharacterTurnRow.round_id == _prepared(connection)).group_by(CharacterTurnRow.character)
            return sorted(
                ((key, count, mean) for key, count, mean in connection.execute(query)),
                key=lambda row: (-row[1], row[0]),
            )

    def places(self) -> tuple[list[str], list[str]]:
        """The pages and the sources there are, in order."""
        with self.read() as connection:
            return tuple(  # type: ignore[return-value]
                list(
                    connection.execute(select(column).where(column.is_not(None)).distinct().order_by(column)).scalars()
                )
                for column in (WordRow.page, WordRow.source)
            )


def _prepared(connection: Connection) -> int | None:
    found: int | None = connection.execute(select(SettingRow.value).where(SettingRow.key == PREPARED)).scalar()
    return found


def _query(asked: Asked, round_id: int | None) -> Select[Any]:
    """The ids of the words that are asked for, in their order."""
    chosen = _filters(asked)
    query = select(StandingRow.word_id).where(*chosen)
    if asked.queue == "character":
        return _by_character(query, asked, round_id)
    if asked.queue == "random":
        # A multiplicative hash (Knuth, The Art of Computer Programming 3, 6.4): the same for all who have the link.
        turn: Any = ((StandingRow.word_id + asked.seed * 7919) * 2654435761) % 4294967296
    else:
        turn = _TURNS[asked.queue]
    if asked.queue == "apart":
        # Where nobody else has looked there is nothing to disagree with.
        query = query.where(StandingRow.apart.is_not(None))
    if asked.queue == "recent":
        query = query.where(StandingRow.place == DECIDED)
    if asked.filtered and asked.queue in ("uncertain", "apart", "both", "diverse"):
        turn = turn + 0.0  # an expression has no index: see `_filters`
    place: list[Any] = [StandingRow.place + 0] if asked.state == "open" and asked.queue in OPEN else []
    if not asked.filtered and place:
        place = [StandingRow.place]
    return query.order_by(*place, turn, StandingRow.word_id)


def _by_character(query: Select[Any], asked: Asked, round_id: int | None) -> Select[Any]:
    """Words that hold a character; those the round did not see, and all before there is one, in the order of import."""
    if not asked.character:
        raise RecordError("The queue by character needs a character: name one.")
    mine = (CharacterTurnRow.round_id == round_id, CharacterTurnRow.character == asked.character)
    seen = query.join(CharacterTurnRow, CharacterTurnRow.word_id == StandingRow.word_id).where(*mine)
    place = StandingRow.place if asked.state == "open" else literal(0)
    holds = select(WordRow.id).where(func.instr(WordRow.characters, json.dumps(asked.character)) > 0)
    unseen = query.where(StandingRow.turn > LAST, StandingRow.word_id.in_(holds))
    both = union_all(
        seen.add_columns(place.label("place"), CharacterTurnRow.turn.label("turn")),
        unseen.add_columns(place.label("place"), literal(2.0).label("turn")),
    ).subquery()
    return select(both.c.word_id).order_by(both.c.place, both.c.turn, both.c.word_id)


def _filters(asked: Asked) -> list[ColumnElement[bool]]:
    """The conditions on `standing`."""
    found: list[ColumnElement[bool]] = []
    state = "flagged" if asked.queue == "flagged" else asked.state
    if asked.queue == "recent" and state == "open":
        state = "any"
    if asked.page:
        found.append(StandingRow.word_id.in_(select(WordRow.id).where(WordRow.page == asked.page)))
    if asked.source:
        found.append(StandingRow.word_id.in_(select(WordRow.id).where(WordRow.source == asked.source)))
    if asked.tag:
        found.append(StandingRow.word_id.in_(select(TagRow.word_id).where(TagRow.name == asked.tag)))
    if asked.text:
        found.append(func.instr(StandingRow.search, folded(asked.text)) > 0)
    if state == "open":
        # With a filter, one pass over the table: an index would have it read in the order of its rows' turns.
        place = StandingRow.place + 0 if asked.filtered else StandingRow.place
        found.append(place.in_([AWAITING, SKIPPED]))
    elif state == "skipped":
        found.append(StandingRow.place == SKIPPED)
    elif state == "corrected":
        found += [StandingRow.place == DECIDED, StandingRow.word_id.not_in(_flagged())]
    elif state == "flagged":
        found.append(StandingRow.word_id.in_(_flagged()))
    return found


def _flagged() -> CompoundSelect[Any]:
    """Words with a flag in force, or a character that was flagged since somebody last corrected the word."""
    words = select(StandingRow.word_id).join(CorrectionRow, StandingRow.correction_id == CorrectionRow.id)
    return words.where(CorrectionRow.kind == "flag").union(flagged_glyphs().with_only_columns(VerdictRow.word_id))
