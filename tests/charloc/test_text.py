"""Transcripts: normal form, characters, writing direction, classes."""

from __future__ import annotations

import doctest
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charloc import text
from charloc.text import Charset, characters, code_points_per_character, is_space, normalise, visual_order
from charloc.types import CharlocError, TranscriptError

ALEF, BET, GIMEL, DALET = "\u05d0", "\u05d1", "\u05d2", "\u05d3"
BEH, TEH = "\u0628", "\u062a"


def test_doctests() -> None:
    assert doctest.testmod(text).failed == 0


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ("word\n", "word"),
        ("word\r\n", "word"),
        ("\ufeffword", "word"),
        ("a \t\u00a0 b", "a b"),
        ("two\nlines", "two lines"),
        ("e\u0301", "\u00e9"),
        ("a\u200bb\u200e", "ab"),
        ("   ", ""),
        ("\ue8b7", "\ue8b7"),  # private use: medieval letters live there
        ("co\u00ad", "co\u00ad"),
    ],
)
def test_normalise(given_text: str, expected: str) -> None:
    assert normalise(given_text) == expected


@pytest.mark.parametrize("bad", ["a\x00b", "\x1b[31m", "a\x7f", "\ud800"])
def test_normalise_refuses_controls(bad: str) -> None:
    with pytest.raises(TranscriptError, match=r"U\+[0-9A-F]{4} at position"):
        normalise(bad)


@given(st.text())
def test_normalise_is_idempotent_and_characters_cover_it(raw: str) -> None:
    try:
        once = normalise(raw)
    except TranscriptError:
        return
    assert normalise(once) == once == unicodedata.normalize("NFC", once)
    clusters = characters(once)
    assert "".join(clusters) == once
    assert sum(code_points_per_character(clusters)) == len(once)
    assert sorted(visual_order(clusters)) == list(range(len(clusters)))


def test_characters_are_grapheme_clusters() -> None:
    assert characters("\u1e02\u00ed") == ("\u1e02", "\u00ed")
    assert characters("\u03b1\u0313\u0342b") == (unicodedata.normalize("NFC", "\u03b1\u0313\u0342"), "b")
    assert characters("q\u0303u\u0303e") == ("q\u0303", "\u0169", "e")
    assert code_points_per_character(characters("q\u0303ue")) == (2, 1, 1)
    assert characters("") == ()


def test_is_space() -> None:
    assert is_space(" ")
    assert is_space("\u00a0")
    assert not is_space("")
    assert not is_space("a")
    assert not is_space(" \u0308")
    assert not is_space("_")


@pytest.mark.parametrize(
    ("reading", "on_paper"),
    [
        ("abc", "abc"),
        (ALEF + BET + GIMEL, GIMEL + BET + ALEF),
        ("ab " + ALEF + BET + " cd", "ab " + BET + ALEF + " cd"),
        (ALEF + BET + " cd " + GIMEL, GIMEL + " cd " + BET + ALEF),
        (ALEF + " 12 " + BET, BET + " 12 " + ALEF),
        (ALEF + " 1,234.5 " + BET, BET + " 1,234.5 " + ALEF),
        (ALEF + "-12", "12-" + ALEF),
        (ALEF + " 12% " + BET, BET + " 12% " + ALEF),
        (BEH + " 1/2 " + TEH, TEH + " 1/2 " + BEH),  # after an Arabic letter 1/2 is Arabic numbers with a CS between
        (ALEF + ".", "." + ALEF),
        ("a" + ALEF + ".", "a" + ALEF + "."),
        ("(" + ALEF + ")", ")" + ALEF + "("),
        (BEH + "\u0661\u0662" + TEH, TEH + "\u0661\u0662" + BEH),
        ("1" + ALEF, ALEF + "1"),
        ("a 12 b", "a 12 b"),
    ],
)
def test_visual_order(reading: str, on_paper: str) -> None:
    assert "".join(reading[i] for i in visual_order(tuple(reading))) == on_paper


def test_visual_order_keeps_clusters_whole() -> None:
    pointed = characters(BET + "\u05b0" + ALEF)
    assert len(pointed) == 2
    assert visual_order(pointed) == (1, 0)
    assert visual_order(()) == ()


@given(st.text())
def test_visual_order_is_a_permutation_of_anything(raw: str) -> None:
    clusters = characters(raw)
    assert sorted(visual_order(clusters)) == list(range(len(clusters)))


def test_charset_round_trip_and_growth() -> None:
    charset = Charset.of([characters("cab a")])
    assert charset.symbols == ("a", "b", "c")
    assert len(charset) == 4
    assert Charset.from_json(charset.to_json()) == charset
    assert charset.encode(characters("ab c")).tolist() == [1, 2, 0, 3]
    grown = charset.extended([("A",), ("b",)])
    assert grown.symbols == ("a", "b", "c", "A")
    assert grown.encode(("c",)) == charset.encode(("c",))
    assert "A" in grown
    assert "A" not in charset


def test_charset_unknown_characters() -> None:
    charset = Charset(("a",))
    assert np.array_equal(charset.encode(("a", "z"), unknown=0), [1, 0])
    with pytest.raises(TranscriptError, match="not learned: y z"):
        charset.encode(("z", "a", "y"))
    with pytest.raises(ValueError, match="once"):
        Charset(("a", "a"))


@pytest.mark.parametrize("bad", ["", "{}", "[1]", '["a", "a"]', '[""]'])
def test_charset_from_bad_json(bad: str) -> None:
    with pytest.raises(CharlocError, match="not a charset"):
        Charset.from_json(bad)


@given(st.sets(st.text(min_size=1, max_size=3)))
def test_charset_json_round_trip(symbols: set[str]) -> None:
    charset = Charset(tuple(sorted(symbols)))
    assert Charset.from_json(charset.to_json()) == charset
