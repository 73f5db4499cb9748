"""EM on a development set as a new project has it: a start, then rounds, nobody asked."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence

import numpy as np

from charloc import em
from charloc.methods import DEFAULT, METHODS, Checkpoint, make
from charloc.types import CharlocError, Pins
from tests.bench import _jobs
from tests.bench._sets import Set

INITS = _jobs.FIRST
"""Starts, and the method that makes the first localizations of each."""
DEFAULT_INIT = next(name for name, first in INITS.items() if first == em.FIRST)
EVERY_S = 30.0
WARM_WORDS = 8


def add_options(parser: argparse.ArgumentParser, sets: Sequence[str]) -> None:
    """What benchmarks that run EM have in common: --sets, --words, --method, --init."""
    parser.add_argument("--sets", type=names, default=list(sets), help=f"default: {','.join(sets)}")
    parser.add_argument("--words", type=int, help="at most so many words of each set, evenly spread")
    parser.add_argument("--method", default=DEFAULT, help=f"default: {DEFAULT}")
    parser.add_argument("--init", default=DEFAULT_INIT, help=f"{', '.join(INITS)} (default: {DEFAULT_INIT})")


def names(text: str) -> list[str]:
    """The parts of an option's list."""
    return text.split(",")


def check(method: str, init: str) -> None:
    """Refuse what does not exist before anything long is begun.

    Raises:
        CharlocError: there is no such method, none that learns, or no such start.
    """
    if method not in METHODS or not METHODS[method].learns:
        learns = [name for name, entry in METHODS.items() if entry.learns]
        raise CharlocError(f"There is no method '{method}' that learns. Choose one of: {', '.join(learns)}.")
    if init not in INITS:
        raise CharlocError(f"There is no start '{init}'. Choose one of: {', '.join(INITS)}.")


def start(data: Set, init: str) -> em.RoundResult:
    """The first localizations, nothing learned from the set, as a round."""
    nobody: list[Pins] = [()] * len(data.words)
    _warm(INITS[init], None, data)
    started = time.perf_counter()
    found = em.first_guess(data.words, nobody, Said(f"{data.name} {init}"), INITS[init])
    return em.RoundResult(found, None, float("nan"), 0, 0.0, time.perf_counter() - started, {})


def go_on(
    data: Set, method: str, init: str, before: em.RoundResult, pins: Sequence[Pins] | None = None
) -> em.RoundResult:
    """One more round, from what the one before learned and found; without pins nobody said anything."""
    facts = [()] * len(data.words) if pins is None else pins
    weights = np.ones(len(data.words), dtype=np.float32)
    learned: Checkpoint | None = before.checkpoint
    return em.run_round(
        method, data.words, before.localizations, facts, weights,
        parent=learned, first=INITS[init], progress=Said(f"{data.name} {method}"),
        on_learned=lambda now: _warm(method, now, data),
    )  # fmt: skip


def _warm(method: str, learned: Checkpoint | None, data: Set) -> None:
    """Localize a few words: loading compiled code is nobody's speed."""
    words = data.words[:WARM_WORDS]
    make(method, learned).e_step(words, [()] * len(words))


def each_round(data: Set, method: str, init: str, rounds: int) -> Iterator[em.RoundResult]:
    """The start, then each of the rounds."""
    result = start(data, init)
    yield result
    for _ in range(rounds):
        result = go_on(data, method, init, result)
        yield result


class Said:
    """Progress as lines on stderr: at each new phase that lasts, and now and then within one."""

    def __init__(self, name: str) -> None:
        self.name, self._next_s = name, time.monotonic() + EVERY_S

    def __call__(self, phase: str, done: int, total: int) -> None:
        if time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + EVERY_S
            print(f"{self.name}: {phase} {done}/{total}", file=sys.stderr, flush=True)
