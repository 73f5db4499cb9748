"""Wrong transcripts on purpose: what `bench suspicious` hides among a set's words, as typists and typesetters err."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from charloc.text import is_space
from charloc.types import WordImage

CHANGED, DROPPED, ADDED, TURNED, MIXED_UP = KINDS = (
    "one letter changed", "one letter dropped", "one letter added", "two letters swapped", "words swapped",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Planted:
    """A set's words, some with wrong transcripts.

    Args:
        words: N words, in the set's order.
        kinds: by index of the words that are wrong, what was done to each.
    """

    words: list[WordImage]
    kinds: dict[int, str]

    @property
    def wrong(self) -> np.ndarray:
        """bool (N,)."""
        return np.array([i in self.kinds for i in range(len(self.words))])


def plant(words: Sequence[WordImage], share: float, seed: int) -> Planted:
    """Make the transcripts of `share` of the words wrong, every kind of error as often as the others.

    Letters come from the set's own transcripts, as often as they stand there: a rare letter gives itself away. Words
    are swapped with any other one, in pairs. Words of one letter stay as they are; texts that are swapped differ.
    """
    rng = np.random.default_rng(seed)
    counts = Counter(c for word in words for c in word.characters if not is_space(c))
    letters, often = list(counts), np.array(list(counts.values())) / sum(counts.values())
    out, kinds = list(words), {}
    free = [int(i) for i in rng.permutation(len(words)) if len(words[i].characters) > 1]
    many = max(round(share * len(words) / len(KINDS)), 1)

    def other(than: str) -> str:
        while (letter := str(rng.choice(letters, p=often))) == than:
            pass
        return letter

    for kind in KINDS[:-1]:
        done = 0
        while done < many:
            i = free.pop()
            wrong = _spoil(list(words[i].characters), kind, rng, other)
            if wrong is not None:
                out[i], kinds[i], done = replace(words[i], characters=tuple(wrong)), kind, done + 1
    while sum(kind == MIXED_UP for kind in kinds.values()) < 2 * round(many / 2):
        i, j = free.pop(), free.pop()
        if words[i].characters != words[j].characters:
            out[i] = replace(words[i], characters=words[j].characters)
            out[j] = replace(words[j], characters=words[i].characters)
            kinds[i] = kinds[j] = MIXED_UP
    return Planted(out, kinds)


def _spoil(characters: list[str], kind: str, rng: np.random.Generator, other) -> list[str] | None:  # type: ignore[no-untyped-def]
    """The characters with one error of this kind; None where it cannot be made there."""
    letters = [k for k, each in enumerate(characters) if not is_space(each)]
    k = int(rng.choice(letters))
    if kind == CHANGED:
        characters[k] = other(characters[k])
    elif kind == DROPPED:
        del characters[k]
    elif kind == ADDED:
        characters.insert(k + int(rng.integers(2)), other(""))
    else:
        pairs = [k for k in letters if k + 1 in letters and characters[k] != characters[k + 1]]
        if not pairs:
            return None
        k = int(rng.choice(pairs))
        characters[k], characters[k + 1] = characters[k + 1], characters[k]
    return characters
