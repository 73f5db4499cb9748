"""A model of transcripts: probabilities that sum to one, and leaving a word out as if it had never been seen."""

from __future__ import annotations

from math import exp

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charloc.suspicion.language import EDGE, Language

WORDS = st.lists(st.text("abc", min_size=1, max_size=5).map(tuple), min_size=2, max_size=8)


@settings(max_examples=60)
@given(WORDS, st.text("abc", max_size=4), st.integers(1, 4))
def test_what_may_follow_sums_to_one(words: list[tuple[str, ...]], before: str, order: int) -> None:
    language = Language(words, order)
    padded = (*(EDGE,) * (order - 1), *before)
    known = {c for word in words for c in word}
    follow = [language._probability((*padded, c), len(padded)) for c in (*known, EDGE, "never seen")]
    assert sum(follow) == pytest.approx(1.0)


@settings(max_examples=60)
@given(WORDS, st.text("abcd", min_size=1, max_size=5))
def test_a_word_left_out_is_as_if_never_seen_and_comes_back(words: list[tuple[str, ...]], other: str) -> None:
    language, without = Language(words), Language(words[1:])
    before = language.log_likelihood(other)
    with language.without(words[0]):
        assert language.log_likelihood(other) == pytest.approx(without.log_likelihood(other))
    assert language.log_likelihood(other) == pytest.approx(before)


def test_what_is_written_elsewhere_is_likelier() -> None:
    language = Language([tuple("the")] * 20 + [tuple("tea"), tuple("toe")])
    with language.without(tuple("the")):
        assert language.log_likelihood("the") > language.log_likelihood("hte") + 2
    with language.without(tuple("tea")):
        assert exp(language.log_likelihood("tea")) < 0.1
