"""How likely a transcript is, going by the other transcripts of a project: characters given those before them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from math import log

ORDER = 5
"""A character is predicted from at most one less before it."""
EDGE = ""
"""Stands before the first and after the last character; no character is empty."""

Gram = tuple[str, ...]


class Language:
    """A character n-gram model, Witten-Bell smoothed.

    Args:
        words: the transcripts it is learned from, each its characters.
        order: n.

    Source: Witten and Bell, The zero-frequency problem (1991), interpolated: a context that many different characters
    have followed leaves more to the shorter one.
    """

    def __init__(self, words: Iterable[Sequence[str]], order: int = ORDER) -> None:
        self.order = order
        self._count: Counter[Gram] = Counter()
        self._total: Counter[Gram] = Counter()
        self._kinds: Counter[Gram] = Counter()
        self._alphabet: Counter[str] = Counter()
        for word in words:
            self._add(word, 1)

    def _grams(self, word: Sequence[str]) -> Iterator[tuple[Gram, int]]:
        padded = (*(EDGE,) * (self.order - 1), *word, EDGE)
        for end in range(self.order - 1, len(padded)):
            for before in range(self.order):
                yield padded[end - before : end + 1], end

    def _add(self, word: Sequence[str], by: int) -> None:
        for gram, _ in self._grams(word):
            seen = self._count[gram]
            self._count[gram] = seen + by
            self._total[gram[:-1]] += by
            if not seen or not seen + by:
                self._kinds[gram[:-1]] += by
        for character in word:
            self._alphabet[character] += by
            if not self._alphabet[character]:
                del self._alphabet[character]

    @contextmanager
    def without(self, word: Sequence[str]) -> Iterator[None]:
        """Within, the model is as if it had not learned from this transcript (once; another of the same text stays).

        `word` must be one it did learn from.
        """
        self._add(word, -1)
        try:
            yield
        finally:
            self._add(word, 1)

    def log_likelihood(self, word: Sequence[str]) -> float:
        """Log-probability of the transcript, its end included, nats."""
        padded = (*(EDGE,) * (self.order - 1), *word, EDGE)
        return sum(log(self._probability(padded, end)) for end in range(self.order - 1, len(padded)))

    def _probability(self, padded: Gram, end: int) -> float:
        p = 1.0 / (len(self._alphabet) + 2)  # its characters, the end, one never seen
        for before in range(self.order):
            context = padded[end - before : end]
            total = self._total.get(context, 0)
            if not total:
                break  # longer contexts have not been seen either
            kinds = self._kinds[context]
            p = (self._count.get(padded[end - before : end + 1], 0) + kinds * p) / (total + kinds)
        return p
