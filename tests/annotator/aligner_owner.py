"""Holds an aligner until it is killed: python aligner_owner.py PROJECT prints the number of the process it started."""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from annotator.aligner import Aligner
from db import Store


def main(folder: str) -> None:
    with Store.open(Path(folder)) as store:
        seen = store.seen_round()
        word = store.words(store.word_ids()[:1])[0]
    assert seen is not None
    shown = {"id": word.id, "name": word.name, "sha": word.image_sha}
    aligner = Aligner(Path(folder))
    while not aligner.ready:
        aligner.warm(word.id, {"round_id": seen.id, "word": shown, "characters": word.characters})
        time.sleep(0.01)
    assert aligner._process is not None
    print(aligner._process.pid, flush=True)
    time.sleep(600)


if __name__ == "__main__":
    main(*sys.argv[1:])
