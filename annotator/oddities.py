"""How unusual every character looks after a round: worked out by the process that ran it, when its boxes are seen."""

from __future__ import annotations

from annotator.words import StoreWords
from charloc.methods import Progress, silent
from charloc.oddity import oddity
from db import Round, Store


def look_for_oddities(store: Store, this: Round, progress: Progress = silent) -> None:
    """Work out and keep it for all words of a finished round.

    Args:
        store: the project's store.
        this: the round.
        progress: called with ("compare", done, total); may raise to stop.
    """
    ids = store.word_ids()
    corrections = store.corrections_in_force()
    proposals = store.proposals(this.id, ids)
    # Of another length: somebody changed the transcript between two reads.
    every = StoreWords(store, ids, corrections)
    lengths = {id: len(each.characters) for id, each in zip(ids, every.records, strict=True)}
    seen = [id for id in ids if id in proposals and len(proposals[id].boxes) == lengths[id]]
    words = StoreWords(store, seen, corrections)

    def tick(done: int) -> None:
        progress("compare", done, len(seen))

    values = oddity(words, (proposals[id].boxes for id in seen), tick)
    store.put_oddities(this.id, dict(zip(seen, values, strict=True)))
