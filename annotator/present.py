"""Words as they stand now: the transcript that holds, what a round proposes for that, and what people said."""

from __future__ import annotations

from collections.abc import Sequence

from charloc.types import Localization
from db import Correction, Round, Store, Word

Present = tuple[Word, Localization | None, Correction | None]
"""A word, what was proposed for its present transcript, and the correction in force."""


def present(store: Store, seen: Round | None, ids: Sequence[int]) -> list[Present]:
    """Words as they stand now, in the order of `ids`.

    Args:
        store: the project's store.
        seen: the round whose proposals are wanted; None for none.
        ids: of the words.
    """
    proposals = store.proposals(seen.id, ids) if seen else {}
    corrections = store.corrections_in_force(ids)
    found: list[Present] = []
    for word in store.words(ids):
        proposal, correction = proposals.get(word.id), corrections.get(word.id)
        # Read one after the other: somebody may have changed the transcript in between.
        word = word.reading(correction.text if correction else None)
        if proposal is not None and len(proposal.boxes) != len(word.characters):
            proposal = None
        found.append((word, proposal, correction))
    return found
