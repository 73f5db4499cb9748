"""Whatever numbers, texts and orders of events there are: they come back exactly, or are refused with a reason."""

from __future__ import annotations

import json
import math
import shutil
import tempfile
import unicodedata
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from charloc.text import characters
from charloc.types import Localization
from db import CharacterMark, Conflict, Correction, CorrectionKind, NewCorrection, RecordError, Store
from db.checks import is_box
from tests.db.make import STATS, assert_whole, begin, finish, item, new

uuids = map("wild-{}".format, count())
examples = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def wild(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One project for all examples: opening one each would be most of the time."""
    with Store.open(tmp_path_factory.mktemp("wild"), create=True) as store:
        yield store
        assert_whole(store)


# --- texts ------------------------------------------------------------------------------------------------------------

any_text = st.text(st.characters(exclude_categories=()), min_size=1, max_size=12)  # half surrogates and NUL included
sample_texts = st.sampled_from(
    ["שָׁלוֹם", "مرحبا بك", "a\u202eb\u2066c", "ΐ", "👩‍👩‍👧‍👦x", "\u0301", "ſt\r\n", "'; DROP TABLE word; --"]
)


def storable(text: str) -> bool:
    return "\0" not in text and not any(unicodedata.category(character) == "Cs" for character in text)


@examples
@given(text=any_text | sample_texts, name=any_text | sample_texts)
def test_any_transcript_and_name_come_back_or_are_refused(wild: Store, text: str, name: str) -> None:
    before = wild.word_count()
    number = next(uuids)
    try:
        wild.add_words([item(text, number.encode(), name)])
    except RecordError as error:
        assert not storable(text) or not storable(name)
        assert wild.word_count() == before
        str(error).encode()  # can be printed
        return
    assert storable(text) and storable(name)
    (word,) = wild.words(wild.word_ids()[-1:])
    assert (word.text, word.name) == (unicodedata.normalize("NFC", text), name)
    assert word.characters == characters(text) and "".join(word.characters) == word.text


@examples
@given(reason=any_text, author=any_text)
def test_any_reason_and_author_come_back_or_are_refused(wild: Store, reason: str, author: str) -> None:
    wild.add_words([item("abc", next(uuids).encode())])
    word_id = wild.word_ids()[-1]
    try:
        wild.save_correction(new(word_id, "flag", uuid=next(uuids), reason=reason, author=author))
    except RecordError as error:
        assert not storable(reason + author)
        str(error).encode()
        assert wild.history(word_id) == []
    else:
        assert storable(reason + author)
        (saved,) = wild.history(word_id)
        assert (saved.reason, saved.author) == (reason, author)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@examples
@given(meta=st.dictionaries(st.text(max_size=5), json_values, max_size=4))
def test_whatever_json_came_with_a_word_comes_back_or_is_refused(wild: Store, meta: dict[str, Any]) -> None:
    try:
        json.dumps(meta, allow_nan=False)
    except ValueError:
        with pytest.raises(RecordError, match="cannot be kept as JSON"):
            wild.add_words([item("abc", next(uuids).encode(), meta=meta)])
    else:
        wild.add_words([item("abc", next(uuids).encode(), meta=meta)])
        (word,) = wild.words(wild.word_ids()[-1:])
        assert word.meta == meta


# --- numbers ----------------------------------------------------------------------------------------------------------

any_float32 = st.floats(width=32)


@examples
@given(st.data())
def test_proposals_come_back_to_the_last_bit(wild: Store, data: st.DataObject) -> None:
    length = data.draw(st.integers(1, 6))
    boxes = data.draw(arrays(np.float32, (length, 4), elements=any_float32))
    boxes[data.draw(arrays(np.bool_, length))] = np.nan
    confidence = data.draw(arrays(np.float32, length, elements=any_float32))
    score = data.draw(st.floats())
    uncertainty = data.draw(st.floats(allow_nan=False, allow_infinity=False))
    given = Localization(boxes, confidence, score, "xy")

    wild.add_words([item("x" * length, next(uuids).encode())])
    id = wild.word_ids()[-1]
    this = begin(wild)
    wild.finish_round(this.id, [(id, given, uncertainty)], STATS, None)
    found = wild.proposals(this.id, [id])[id]
    assert (found.boxes.dtype, found.confidence.dtype) == (np.float32, np.float32)
    assert found.boxes.tobytes() == boxes.tobytes()
    assert found.confidence.tobytes() == confidence.tobytes()
    assert found.score == score or math.isnan(found.score) and math.isnan(score)
    assert wild.uncertainties(this.id, [id]) == {id: uncertainty}
    found.boxes[:] = 0  # it belongs to whoever asked


@examples
@given(box=st.tuples(*[st.floats()] * 4), state=st.sampled_from(["pinned", "accepted", "untouched"]))
def test_marked_boxes_come_back_to_the_last_bit_or_are_refused(wild: Store, box: Any, state: Any) -> None:
    wild.add_words([item("a", next(uuids).encode())])
    id = wild.word_ids()[-1]
    mark = CharacterMark(state, box)
    if is_box(box):
        assert wild.save_correction(new(id, characters=[mark], uuid=next(uuids))).characters == (mark,)
        assert wild.history(id)[0].characters == (mark,)
    else:
        with pytest.raises(RecordError, match=r"character 1 \('a'\)"):
            wild.save_correction(new(id, characters=[mark], uuid=next(uuids)))


@examples
@given(boxes=st.lists(st.none() | st.tuples(*[st.floats(allow_nan=False, allow_infinity=False)] * 4), max_size=5))
def test_reference_boxes_come_back_to_the_last_bit(wild: Store, boxes: list[Any]) -> None:
    assume(boxes)
    wild.add_words([item("x" * len(boxes), next(uuids).encode(), boxes=tuple(boxes), approx=(len(boxes) - 1,))])
    id = wild.word_ids()[-1]
    reference = wild.reference([id])[id]
    assert (reference.boxes, reference.approx) == (tuple(boxes), (len(boxes) - 1,))


# --- orders of events -------------------------------------------------------------------------------------------------


class Project(RuleBasedStateMachine):
    """Any order of imports, rounds and decisions, against a model made of dictionaries."""

    words = Bundle("words")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.store = Store.open(self.folder, create=True)
        self.ids: list[int] = []
        self.in_force: dict[int, Correction] = {}
        self.sent: list[tuple[NewCorrection, Correction]] = []
        self.moments: list[tuple[int, dict[int, Correction]]] = [(0, {})]
        self.uncertainty: dict[int, float] = {}

    def teardown(self) -> None:
        assert_whole(self.store)
        self.store.close()
        shutil.rmtree(self.folder)

    @rule(target=words)
    def add(self) -> int:
        self.store.add_words([item("abc", b"%d" % len(self.ids))])
        self.ids.append(self.store.word_ids()[-1])
        return self.ids[-1]

    @rule(word=words, kind=st.sampled_from(["boxes", "flag", "skip", "clear"]))
    def decide(self, word: int, kind: CorrectionKind) -> None:
        seen = self.in_force.get(word)
        decision = new(word, kind, base_id=seen.id if seen else None)
        self.keep(decision, self.store.save_correction(decision))

    @rule(word=words, base_id=st.integers(1, 30))
    def decide_on_something_else(self, word: int, base_id: int) -> None:
        seen = self.in_force.get(word)
        cleared = any(each.id == base_id and each.kind == "clear" for each in self.store.history(word))
        assume(base_id != (seen.id if seen else None) and not (cleared and seen is None))
        with pytest.raises(Conflict) as caught:
            self.store.save_correction(new(word, base_id=base_id))
        assert caught.value.in_force == seen

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def send_again(self, data: st.DataObject) -> None:
        decision, answer = data.draw(st.sampled_from(self.sent))
        assert self.store.save_correction(decision) == answer

    @precondition(lambda self: self.ids)
    @rule(data=st.data())
    def finish_a_round(self, data: st.DataObject) -> None:
        seen = data.draw(st.sets(st.sampled_from(self.ids)))
        self.uncertainty = {id: data.draw(st.sampled_from([0.0, 0.25, 0.5, 1.0])) for id in seen}
        finish(self.store, self.uncertainty)

    @rule()
    def a_round_that_fails(self) -> None:
        self.store.end_round(begin(self.store).id, "failed", "")

    @rule()
    def open_again(self) -> None:
        self.store.close()
        self.store = Store.open(self.folder)

    def keep(self, decision: NewCorrection, answer: Correction) -> None:
        self.sent.append((decision, answer))
        self.in_force = {**self.in_force, decision.word_id: answer}
        if decision.kind == "clear":
            del self.in_force[decision.word_id]
        self.moments.append((answer.id, self.in_force))

    @invariant()
    def what_is_in_force(self) -> None:
        assert self.store.corrections_in_force() == self.in_force
        upto, then = self.moments[len(self.moments) // 2]
        assert self.store.corrections_in_force(upto=upto) == then

    @invariant()
    def the_queue(self) -> None:
        def turn(id: int) -> tuple[bool, float, int]:
            return id in self.in_force, -self.uncertainty.get(id, -math.inf), id

        waiting = [id for id in self.ids if id not in self.in_force or self.in_force[id].kind == "skip"]
        assert self.store.queue(100) == sorted(waiting, key=turn)

    @invariant()
    def the_counts(self) -> None:
        kinds = [each.kind for each in self.in_force.values()]
        counts = self.store.counts()
        assert (counts.words, counts.corrected) == (len(self.ids), kinds.count("boxes"))
        assert (counts.flagged, counts.skipped) == (kinds.count("flag"), kinds.count("skip"))
        assert counts.pinned_characters == counts.accepted_characters == kinds.count("boxes")


TestProject = Project.TestCase
TestProject.settings = settings(max_examples=15, stateful_step_count=25)
