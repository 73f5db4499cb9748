"""Characters that hardly occur in a project, and scripts mixed where they should not be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import regex

from charloc.suspicion import Reason
from charloc.text import is_space

RARE = {1: 0.30, 2: 0.15}
"""What a character scores that so many words have."""
ENOUGH_WORDS = 100
"""In fewer words than these every character is rare."""
ODD_SCRIPT, ODD_SCRIPT_SCORE = 0.002, 0.5
"""A script in which less than this share of a project's letters stands is odd there."""
MIXED, MIXED_SCORE = 0.01, 0.7
"""Two scripts in one word are odd where a smaller share of the words mixes those two."""

# Those that look alike, or meet in one project; any other letter is of "another".
_NAMES = (
    "Latin", "Greek", "Cyrillic", "Hebrew", "Arabic", "Armenian", "Georgian", "Coptic", "Gothic", "Runic", "Ogham",
    "Glagolitic", "Ethiopic", "Syriac", "Devanagari", "Bengali", "Tamil", "Thai", "Tibetan", "Han", "Hiragana",
    "Katakana", "Hangul", "Cherokee",
)  # fmt: skip
_SCRIPTS = [(name, regex.compile(rf"\p{{Script={name}}}")) for name in _NAMES]
_LETTER = regex.compile(r"\p{L}")
# Japanese writes these three together.
_TOGETHER = {"Hiragana": "Han", "Katakana": "Han"}


def script(character: str) -> str | None:
    """The script a letter is of; None for figures, marks, spaces and signs, which go with any."""
    base = character[0]
    if not _LETTER.match(base) or regex.match(r"\p{Script=Common}", base):
        return None
    found = next((name for name, pattern in _SCRIPTS if pattern.match(base)), "another")
    return _TOGETHER.get(found, found)


class Alphabet:
    """What N transcripts are written in.

    Args:
        words: each its characters.
    """

    def __init__(self, words: Iterable[Sequence[str]]) -> None:
        self.words = 0
        self.in_words: Counter[str] = Counter()
        self._scripts: Counter[str] = Counter()
        self._mixes: Counter[frozenset[str]] = Counter()
        self._parts = 0
        for word in words:
            self.words += 1
            self.in_words.update({c for c in word if not is_space(c)})
            for part in _parts(word):
                self._parts += 1
                scripts = Counter(found for c in part if (found := script(c)))
                self._scripts += scripts
                if len(scripts) > 1:
                    self._mixes[frozenset(scripts)] += 1

    def weigh(self, word: Sequence[str]) -> dict[Reason, float]:
        """What speaks against a transcript that is one of the words."""
        weights: dict[Reason, float] = {}
        if self.words < ENOUGH_WORDS:
            return weights
        fewest = min((self.in_words[c] for c in word if not is_space(c)), default=0)
        if fewest in RARE:
            weights[Reason.rare] = RARE[fewest]
        for part in _parts(word):
            scripts = {found for c in part if (found := script(c))}
            if len(scripts) > 1 and self._mixes[frozenset(scripts)] < max(MIXED * self._parts, 2):
                weights[Reason.mixed_script] = MIXED_SCORE
            if any(self._scripts[each] < ODD_SCRIPT * self._scripts.total() for each in scripts):
                weights[Reason.rare] = max(weights.get(Reason.rare, 0.0), ODD_SCRIPT_SCORE)
        return weights

    def rare(self, most: int = 2) -> list[tuple[str, int]]:
        """Characters that at most so many words have, rarest first."""
        return sorted(((c, n) for c, n in self.in_words.items() if n <= most), key=lambda each: (each[1], each[0]))


def _parts(word: Sequence[str]) -> Iterable[list[str]]:
    """What stands between spaces."""
    part: list[str] = []
    for character in word:
        if is_space(character):
            if part:
                yield part
            part = []
        else:
            part.append(character)
    if part:
        yield part
