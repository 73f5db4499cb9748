"""What was imported: once each, in order, unchanged."""

from __future__ import annotations

import hashlib

import pytest

from charloc.types import SourceWord
from db import RecordError, Store, UnknownItem
from db.checks import CHUNK
from tests.db.make import add, item


def test_a_word_comes_back_as_it_was_given(store: Store) -> None:
    boxes = ((0.0, 0.0, 9.5, 20.0), None, (12.0, 0.0, 20.0, 20.0))
    source = SourceWord("page 1/a.png", b"\x89PNG\0", "a b", boxes, (2,), {"page": "1", "size": [1, 2.5, None]})
    assert store.add_words([(source, 40, 20, "image/png")]).added == 1

    (id,) = store.word_ids()
    (word,) = store.words([id])
    assert (word.name, word.text, word.characters) == ("page 1/a.png", "a b", ("a", " ", "b"))
    assert (word.width, word.height, word.meta) == (40, 20, {"page": "1", "size": [1, 2.5, None]})
    assert word.image_sha == hashlib.sha256(source.image).hexdigest()
    assert word.key == hashlib.sha256(source.image + b"\0a b").hexdigest()
    assert store.image(word.image_sha) == (source.image, "image/png")
    assert store.images_of([id]) == {id: source.image}
    reference = store.reference([id])[id]
    assert (reference.boxes, reference.approx) == (boxes, (2,))


def test_the_same_image_and_transcript_is_added_once(store: Store) -> None:
    first, again, other_text = item("abc", b"i"), item("abc", b"i", "elsewhere.png"), item("abd", b"i")
    report = store.add_words([first, again, other_text])
    assert (report.added, report.already) == (2, 1)
    report = store.add_words([again, item("abc", b"j"), first])
    assert (report.added, report.already) == (1, 2)
    words = store.words(store.word_ids())
    assert [(word.text, word.name) for word in words[:2]] == [("abc", first[0].name), ("abd", other_text[0].name)]
    assert words[0].image_sha == words[1].image_sha != words[2].image_sha


def test_transcripts_that_differ_in_normal_form_only_are_one_word(store: Store) -> None:
    report = store.add_words([item("e\u0301a", b"i"), item("éa", b"i")])
    assert (report.added, report.already) == (1, 1)
    (word,) = store.words(store.word_ids())
    assert (word.text, word.characters) == ("éa", ("é", "a"))


def test_characters_are_clusters_and_reference_boxes_are_code_points(store: Store) -> None:
    box = (0.0, 0.0, 5.0, 5.0)
    store.add_words([item("q\u0323x", boxes=(box, box, None))])
    (word,) = store.words(store.word_ids())
    assert word.characters == ("q\u0323", "x")
    assert len(store.reference([word.id])[word.id].boxes) == 3


def test_ids_follow_the_order_of_import_over_many_runs(store: Store) -> None:
    items = [item(f"w{number}") for number in range(2 * CHUNK + 7)]
    assert store.add_words(iter(items)).added == len(items)
    ids = store.word_ids()
    assert ids == sorted(ids) and len(ids) == store.word_count() == len(items)
    assert [word.text for word in store.words(ids)] == [source.text for source, *_ in items]
    assert store.images_of(ids) == dict(zip(ids, (source.image for source, *_ in items), strict=True))


def test_words_come_in_the_order_asked_and_as_often(store: Store) -> None:
    one, two = add(store, "one", "two")
    assert [word.text for word in store.words([two, one, two])] == ["two", "one", "two"]
    assert store.words([]) == []


def test_what_is_not_there(store: Store) -> None:
    (id,) = add(store, "abc")
    with pytest.raises(UnknownItem, match="no word 99"):
        store.words([id, 99])
    with pytest.raises(UnknownItem, match="no image 'beef'"):
        store.image("beef")
    assert store.images_of([99]) == store.reference([id, 99]) == {}


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (item(""), "transcript is empty"),
        (item("a\0b"), "NUL at position 2"),
        (item("ab\udce9"), "position 3 that is not valid Unicode"),
        (item(name="caf\udce9.png"), r"name 'caf\\udce9.png' .* position 4"),
        (item(name="nul\0.png"), "The name .* NUL"),
        (item("ab", boxes=((0.0, 0.0, 1.0, 1.0),)), "1 reference boxes for the 2 code points"),
        (item("a", boxes=((0.0, 0.0, 1.0, float("nan")),)), "reference box 1"),
        (item("a", boxes=((0.0, 0.0, 1.0),)), "reference box 1"),
        (item("a", approx=(1,)), "outside of 'a'"),
        (item("a", meta={"x": float("inf")}), "cannot be kept as JSON"),
        (item("a", meta={"x": {1, 2}}), "cannot be kept as JSON"),
        (item("a", b""), "0 bytes"),
        ((item("a")[0], 0, 20, "image/png"), "0 x 20 px"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_name(store: Store, bad: tuple, says: str) -> None:
    with pytest.raises(RecordError, match=says) as caught:
        store.add_words([item("fine"), bad])
    assert ascii(bad[0].name)[1:-1] in str(caught.value) or bad[0].name in str(caught.value)
    assert store.word_count() == 0


def test_runs_before_a_bad_item_stay(store: Store) -> None:
    items = [item(f"w{number}") for number in range(CHUNK + 3)]
    with pytest.raises(RecordError):
        store.add_words([*items, item("")])
    assert store.word_count() == CHUNK
    report = store.add_words(items)
    assert (report.added, report.already) == (3, CHUNK)
