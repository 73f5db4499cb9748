"""A round that goes exactly as far as a test lets it: python trainer.py PROJECT METHOD.

It reads a number 0..100 from PROJECT/percent, reports it, and finishes at 100.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from charloc.types import Localization
from db import RoundStats, Store

PERIOD_S = 0.05


def main(folder: str, method: str) -> None:
    """Work until finished, paused or cancelled."""
    project = Path(folder)
    with Store.open(project) as store:
        parent, stopped = store.seen_round(), store.unfinished_round()
        if stopped is not None:
            this = store.adopt_round(stopped.id, os.getpid())
        else:
            this = store.begin_round(method, parent_id=parent.id if parent else None, settings={}, pid=os.getpid())
        percent = 0
        while percent < 100:
            percent = int((project / "percent").read_text() or 0)
            wish = store.progress(this.id, "learn", percent, 100)
            if wish is not None:
                store.end_round(this.id, "interrupted" if wish == "pause" else "cancelled", wish)
                return
            time.sleep(PERIOD_S)
        ids = store.word_ids()
        proposals = []
        for word in store.words(ids):
            # Easily told from any other round's: even columns.
            count = len(word.characters)
            edges = np.linspace(0, word.width, count + 1)
            boxes = np.stack([edges[:-1], np.zeros(count), edges[1:], np.full(count, word.height)], axis=1)
            confidence = np.full(count, 0.6, np.float32)
            proposals.append((word.id, Localization(boxes.astype(np.float32), confidence, -1.0, method), 0.5))
        stats = RoundStats(words=len(ids), seconds=1.0, words_per_s=100.0, log_likelihood=-0.1, moved=3)
        store.finish_round(this.id, proposals, stats, None)


if __name__ == "__main__":
    main(*sys.argv[1:])
