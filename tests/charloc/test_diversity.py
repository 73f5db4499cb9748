"""Words to ask about that cover what is doubtful."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from charloc.diversity import SATURATION, Question, diverse, question


def worth(chosen: list[Question]) -> float:
    """What a set of words asks, as the greedy order should raise it."""
    sums: dict[str, float] = {}
    for each in chosen:
        for aspect, doubt in each.aspects.items():
            sums[aspect] = sums.get(aspect, 0.0) + doubt
    return float(sum(np.log((value + SATURATION) / SATURATION) for value in sums.values()))


QUESTIONS = st.lists(
    st.dictionaries(st.sampled_from("abcdef"), st.floats(0.0, 1.0), max_size=4), min_size=1, max_size=7
).map(lambda many: [Question(id, aspects) for id, aspects in enumerate(many)])


@given(QUESTIONS)
def test_each_word_adds_most_to_those_before_it(questions: list[Question]) -> None:
    order = [questions[id] for id in diverse(questions)]
    assert sorted(each.id for each in order) == list(range(len(questions)))
    for at, each in enumerate(order):
        best = max(worth([*order[:at], other]) for other in order[at:])
        assert worth([*order[:at], each]) >= best - 1e-9


@given(QUESTIONS)
def test_a_prefix_is_near_the_best_set_of_its_size(questions: list[Question]) -> None:
    for size in (1, 2, 3):
        if size <= len(questions):
            best = max(worth(list(some)) for some in combinations(questions, size))
            chosen = [questions[id] for id in diverse(questions, most=size)]
            assert worth(chosen) >= (1 - 1 / np.e) * best - 1e-9


def test_near_duplicates_wait() -> None:
    same = [question(id, tuple("mill"), np.array([1, 1, 0.2, 1], np.float32)) for id in range(5)]
    other = question(9, tuple("vow"), np.array([0.5, 1, 1], np.float32))
    assert list(diverse([*same, other], most=2)) == [0, 9], "though the others are more doubtful"
    assert next(diverse([*same, other], asked=same[:3])) == 9, "what was asked about already counts"
    assert list(diverse(same, most=0)) == []
