"""How fast queues and searches answer in a large project of invented words.

python launch.py bench queues [--words 50000]
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from annotator.turns import prepare
from charloc.types import Localization, SourceWord
from charloc.uncertainty import word_uncertainty
from db import Asked, CharacterMark, NewCorrection, RoundStats, Store

TIMES = 15
ASKED_MS = 50
EXCLUDED = 40
"""Words in hand, ahead and not sent yet."""


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench queues", description=__doc__)
    parser.add_argument("--words", type=int, default=50_000)
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder), create=True) as store:
        _fill(store, options.words)
        started = time.perf_counter()
        seen = store.seen_round()
        assert seen is not None
        prepare(store, seen)
        print(f"turns of {options.words} words prepared in {time.perf_counter() - started:.1f} s, after the round")
        for decided in (0, 0.5, 0.98):
            _decide(store, int(decided * options.words))
            print(f"\n{100 * decided:.0f} % of the words decided\n")
            _table(store)


def _table(store: Store) -> None:
    exclude = store.queue(EXCLUDED)
    page, text = "page 7", "ab"
    asked = {
        "least certain (the default)": Asked(),
        "disagreeing methods": Asked("apart"),
        "both": Asked("both"),
        "diverse": Asked("diverse"),
        "by character": Asked("character", "e"),
        "by a rare character": Asked("character", "ẞ"),
        "flagged": Asked("flagged"),
        "random": Asked("random"),
        "recently corrected": Asked("recent"),
        "least certain, of a page": Asked(page=page),
        "least certain, tagged": Asked(tag="often"),
        "both, with a text": Asked("both", text=text),
        "diverse, with a text that is nowhere": Asked("diverse", text="zzzzzz"),
        "by character, of a page, with a text": Asked("character", "e", page=page, text=text),
        "all words, page 400 of the list": Asked("import", state="any"),
        "all words by both, page 400 of the list": Asked("both", state="any"),
    }
    print(f"Milliseconds on the clock, median (worst) of {TIMES}; in brackets the processor's own.\n")
    print("| queue | next 8 | how many are left | left |\n|---|---|---|---|")
    for name, each in asked.items():
        if "page 400" in name:
            fetch = _times(lambda each=each: store.listed(each, 20_000, 50))
        else:
            fetch = _times(lambda each=each: store.queue(8, exclude, each))
        count = _times(lambda each=each: store.queue_length(each))
        slow = f" **more than {ASKED_MS}**" if fetch[2] > ASKED_MS else ""
        cells = [f"{median:.1f} ({worst:.1f}) [{own:.1f}]" for median, worst, own in (fetch, count)]
        print(f"| {name} | {cells[0]}{slow} | {cells[1]} | {store.queue_length(each)} |", flush=True)


def _times(call: Callable[[], object]) -> tuple[float, float, float]:
    taken, own = [], []
    for _ in range(TIMES):
        started, before = time.perf_counter(), time.process_time()
        call()
        taken.append(1000 * (time.perf_counter() - started))
        own.append(1000 * (time.process_time() - before))
    return statistics.median(taken), max(taken), statistics.median(own)


def _fill(store: Store, count: int) -> None:
    rng = np.random.default_rng(0)
    letters = [*"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"]
    weights = np.array([1 / (1 + k) for k in range(len(letters))])
    weights /= weights.sum()
    items = []
    for number in range(count):
        text = "".join(rng.choice(letters, rng.integers(2, 12), p=weights)) + ("ẞ" if number % 5000 == 0 else "")
        meta = {"page": f"page {number // 250}", "source": f"book {number // 10_000}"}
        if number % 3 == 0:
            meta["tags"] = "often, " + ("seldom" if number % 900 == 0 else "sometimes")
        items.append((SourceWord(f"{number:06d}.png", b"%d" % number, text, meta=meta), 200, 40, "image/png"))
    store.add_words(items)
    this = store.begin_round("guess", parent_id=None, settings={}, pid=os.getpid())
    proposals, apart = [], {}
    for word in store.words(store.word_ids()):
        length = len(word.characters)
        boxes = np.tile(np.array([1, 2, 9, 30], np.float32), (length, 1)) + 10 * np.arange(length)[:, None]
        found = Localization(boxes.astype(np.float32), rng.beta(8, 1, length).astype(np.float32), -1.0, "guess")
        proposals.append((word.id, found, word_uncertainty(found)))
        apart[word.id] = rng.beta(1, 8, length).astype(np.float32)
    stats = RoundStats(words=count, seconds=1.0, words_per_s=1.0, log_likelihood=-1.0, moved=0)
    store.finish_round(this.id, proposals, stats, None, apart)


def _decide(store: Store, upto: int) -> None:
    """Decide about words until so many are: the first of the queue, every fiftieth by a flag."""
    done = sum((store.counts().corrected, store.counts().flagged))
    if upto <= done:
        return
    for k, id in enumerate(store.queue(upto - done)):
        length = len(store.words([id])[0].characters)
        marks = () if k % 50 == 0 else tuple(CharacterMark("accepted", (1.0, 2.0, 9.0, 30.0)) for _ in range(length))
        store.save_correction(NewCorrection(id, f"{done + k}", "boxes" if marks else "flag", marks, author="bench"))


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
