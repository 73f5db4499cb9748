"""What the net of a round makes of a word: its transcript against every one that is an edit away, and against none.

The search is `segmental`'s own: the same cuts through the ink, the same costs of widths and heights, the same net's
log-probabilities, tempered. Only that spans are priced for every character of the alphabet, not just the transcript's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from charloc.evidence import cumulate
from charloc.ink import Ink
from charloc.lattice import best_reading, edit_costs
from charloc.layout import WIDTH_SOFTENING, Expected, core_of, outside_costs, solve, span_costs
from charloc.measures import Measures
from charloc.methods._learner import Look, look
from charloc.methods.guess import LONGEST
from charloc.methods.segmental import Segmental
from charloc.nets import STRIDE
from charloc.pinning import visible_order
from charloc.spans import Spans, find_spans
from charloc.suspicion import Reason
from charloc.suspicion.language import Language
from charloc.text import Charset, is_space
from charloc.types import Pins, WordImage

Floats = NDArray[np.float32]
Priced = tuple[Floats, Floats, Floats]
"""Costs of every symbol on every span, (C, N, D); of starting and of ending at each cut, (N,)."""
TEMPER = 0.3
"""Weight of a frame's log-probability, as in `segmental`: a little more, as the ink knows nothing of letters."""
LANGUAGE = 0.25
"""Weight of a nat of the language model beside one of the picture: names and rare words are spelt oddly and right."""
CANDIDATES = 12
"""Of each kind of edit, so many of the best by the picture are asked of the language model."""
LONGER = 2.0
"""Nats by which a transcript with one more character is likelier than its layout says: the search prices how far widths
and heights are from the usual, not how narrow the usual is."""
STEPS = 4
"""At most so many edits, one after the other, make a suggestion."""
LEAST_STEP = 1.0
"""Nats by which each further edit must be better."""
OTHER_TEXT = 8.0
"""Nats by which free reading must beat the best edit: it has any number of edits to choose from."""
LETTER_SIGMA = 0.25
"""Standard deviation of the logarithm of one letter's width; that of a word's scale falls with its letters."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How wide letters are in a set of words, against what is expected of them: mean and spread of the logarithm."""

    middle: float = 0.0
    sigma: float = 0.3

    def shrunk(self, scale: float, letters: int) -> float:
        """A word's own scale, drawn to the set's the more the fewer letters it was measured on."""
        own = self.sigma**2 / (self.sigma**2 + LETTER_SIGMA**2 / max(letters, 1))
        return float(np.exp(own * np.log(scale) + (1 - own) * self.middle))

    def deviations(self, scale: float, letters: int) -> float:
        """How many standard deviations a word's own scale is from the set's."""
        spread = np.hypot(self.sigma, LETTER_SIGMA / np.sqrt(max(letters, 1)))
        return float((np.log(scale) - self.middle) / spread)


@dataclass(frozen=True, slots=True)
class Read:
    """What a word reads as.

    Args:
        text: what it more likely says, characters in reading order; the transcript's where nothing is better.
        reason: the kind of the best edit, however bad; None where none can be laid.
        gain: nats by which `text` is better; negative where even the best edit is worse.
    """

    text: tuple[str, ...]
    reason: Reason | None
    gain: float


@dataclass(frozen=True, slots=True, eq=False)
class Laid:
    """A word's lattice before letters are priced: its cuts, what stands there, and the letters' common width.

    Args:
        order: layout position -> reading position.
        letters: how many characters have ink.
        fits: whether there is room for them, and there are any; if not, the rest is not known.
        cuts: the cuts in frames of `log_probs`; both None without a net.
    """

    word: WordImage
    ink: Ink
    order: list[int]
    letters: int
    fits: bool = False
    spans: Spans | None = None
    cuts: NDArray[np.float64] | None = None
    log_probs: Floats | None = None
    scale: float = 1.0


class Reader:
    """Reads words with the net of a round of `segmental`; without one it only measures them.

    Args:
        method: has learned; or None.
        alphabet: characters of the words; those the net does not know are "some letter" to it.
    """

    def __init__(self, method: Segmental | None, alphabet: Iterable[str]) -> None:
        self.method = method
        known = Charset(()) if method is None else method.charset
        measures = Measures({}) if method is None else method.measures
        alphabet = set(alphabet)
        strange = {c for c in alphabet if c not in known and not is_space(c)}
        self.symbols = (*known.symbols, " ", *sorted(strange))
        self._index = {symbol: i for i, symbol in enumerate(self.symbols)}
        # Behind the net's own classes the frames have one more row: that there is some letter.
        self._classes = np.array([*range(1, len(known)), 0, *[len(known)] * len(strange)])
        # What is strange to the net, or to these words, is not what it would suggest.
        written = alphabet - strange | ({" "} if any(map(is_space, alphabet)) else set())
        self._offered = np.array([symbol in written for symbol in self.symbols])
        self._expected = lru_cache(maxsize=64)(lambda core: measures.expected(self.symbols, core))

    @property
    def reads(self) -> bool:
        return self.method is not None

    def lay(self, words: Sequence[WordImage], pins: Sequence[Pins]) -> list[Laid]:
        """Look at words and lay their transcripts."""
        if self.method is None:
            return [self._lay(word, facts, look(word), None) for word, facts in zip(words, pins, strict=True)]
        frames = self.method.frames(words)
        return [self._lay(word, facts, *each) for word, facts, each in zip(words, pins, frames, strict=True)]

    def read(self, laid: Laid, scale: Scale, language: Language) -> Read:
        """The word's transcript, which fits, against others. `language` has not learned from this word."""
        text = laid.word.characters
        priced = self._price(laid, scale.shrunk(laid.scale, laid.letters))
        first, gain, edited = self._climb(priced, text, laid.order, language)
        free = self._free(priced, laid, language)
        if free is not None and free[1] > max(gain, 0.0) + OTHER_TEXT:
            # The transcript's letters are not these: how wide they seemed says nothing.
            usual = self._price(laid, float(np.exp(scale.middle)))
            better = self._free(usual, laid, language) or free
            return Read(self._climb(usual, better[0], None, language)[2], Reason.other_text, free[1])
        return Read(edited, first, float(gain))

    def _climb(
        self, priced: Priced, text: tuple[str, ...], order: Sequence[int] | None, language: Language
    ) -> tuple[Reason | None, float, tuple[str, ...]]:
        """Edit `text` as long as that makes it better: the kind of the best first edit, nats gained, what it becomes.

        Args:
            order: its layout, if some characters are not visible; then there is one edit at most.
        """
        hidden = order is not None and len(order) != len(text)
        first: Reason | None = None
        gain, best, current = 0.0, 0.0, text
        for step in range(STEPS):
            seen = order if hidden and order else visible_order(current, ())
            found = self._best_edit(priced, current, seen, language)
            if found is None:
                break
            better, reason, edited = found
            if step == 0:
                first, best = reason, better
            if better < LEAST_STEP:
                break
            gain, current = gain + better, edited
            if hidden:
                break  # where the rest stands in what this makes of it is not known
        return first, gain if gain else best, current

    # --- the lattice --------------------------------------------------------------------------------------------------

    def _lay(self, word: WordImage, pins: Pins, seen: Look, log_probs: Floats | None) -> Laid:
        order = visible_order(word.characters, pins)
        laid_out = [word.characters[i] for i in order]
        letters = sum(not is_space(c) for c in laid_out)
        if not letters:
            return Laid(word, seen.ink, order, 0)
        spans = find_spans(seen.ink, LONGEST, len(order))
        cuts = seen.view.frames(spans.columns, STRIDE)
        expected = self._of(laid_out, core_of(laid_out))
        evidence = None
        if log_probs is not None:
            some_letter = np.log1p(-np.exp(np.minimum(log_probs[:1], np.float32(-1e-4))))
            log_probs = np.concatenate([log_probs, some_letter])
            evidence = cumulate(log_probs, self._classes[self._indices(laid_out)], cuts, TEMPER)
        try:
            solution = solve(spans, expected, evidence=evidence)
        except ValueError:
            return Laid(word, seen.ink, order, letters)
        found = spans.width[solution.bounds[:-1], np.diff(solution.bounds) - 1]
        use = ~expected.space & (found > 0)
        ratio = np.log((found[use] + WIDTH_SOFTENING) / (expected.width[use] + WIDTH_SOFTENING))
        scale = float(np.exp(ratio.mean())) if use.any() else 1.0
        return Laid(word, seen.ink, order, letters, True, spans, cuts, log_probs, scale)

    def _price(self, laid: Laid, scale: float) -> Priced:
        """The word's lattice for every symbol, letters being `scale` times as wide as expected."""
        assert laid.spans is not None and laid.cuts is not None and laid.log_probs is not None
        expected: Expected = self._expected(core_of([laid.word.characters[i] for i in laid.order]))
        evidence = cumulate(laid.log_probs, self._classes, laid.cuts, TEMPER)
        spans = span_costs(laid.spans, expected, scale, evidence)
        starts, ends = outside_costs(laid.spans)
        starts = starts - (evidence.outside - evidence.outside[0])
        return spans, starts, ends - (evidence.outside[-1] - evidence.outside)

    def _of(self, characters: Sequence[str], core: float) -> Expected:
        every: Expected = self._expected(core)
        chosen = self._indices(characters)
        return replace(every, **{name: getattr(every, name)[chosen] for name in Expected.__dataclass_fields__})

    def _indices(self, characters: Sequence[str]) -> NDArray[np.int64]:
        return np.array([self._index[" " if is_space(c) else c] for c in characters], dtype=np.int64)

    # --- other transcripts --------------------------------------------------------------------------------------------

    def _best_edit(
        self, priced: Priced, text: tuple[str, ...], order: Sequence[int], language: Language
    ) -> tuple[float, Reason, tuple[str, ...]] | None:
        """The best edit of `text`: nats by which it is better, its kind, what it makes of the text."""
        names = self._indices([text[i] for i in order])
        cost, changed, added, dropped, swapped = edit_costs(priced[0], names, *priced[1:])
        likely = language.log_likelihood(text)
        if not np.isfinite(cost):
            return None
        changed[np.arange(len(names)), names] = np.inf
        changed[:, ~self._offered], added[:, ~self._offered] = np.inf, np.inf
        if len(order) == 1:
            dropped[:] = np.inf
        swapped[names[:-1] == names[1:]] = np.inf
        best: tuple[float, Reason, tuple[str, ...]] | None = None
        tables = {
            Reason.changed: changed, Reason.missing: added, Reason.extra: dropped, Reason.swapped: swapped,
        }  # fmt: skip
        for reason, costs in tables.items():
            flat = costs.ravel()
            few = np.argpartition(flat, CANDIDATES)[:CANDIDATES] if len(flat) > CANDIDATES else np.arange(len(flat))
            for at in few[np.isfinite(flat[few])]:
                place, name = divmod(int(at), costs.shape[1]) if costs.ndim == 2 else (int(at), 0)
                edited = edit(text, order, reason, place, self.symbols[name])
                longer = LONGER * (_letters(edited) - _letters(text))
                better = cost - float(flat[at]) + longer + LANGUAGE * (language.log_likelihood(edited) - likely)
                if best is None or better > best[0]:
                    best = better, reason, edited
        return best

    def _free(self, priced: Priced, laid: Laid, language: Language) -> tuple[tuple[str, ...], float] | None:
        """What the picture reads as with no transcript, and nats by which that is better; None where unknown."""
        text = laid.word.characters
        if len(laid.order) != len(text):
            return None  # what is not visible would be lost
        prices = np.where([symbol == " " for symbol in self.symbols], 0.0, -LONGER)
        prices = np.where(self._offered, prices, np.inf).astype(np.float32)
        names, cost = best_reading(*priced, prices)
        forced = edit_costs(priced[0], self._indices([text[i] for i in laid.order]), *priced[1:])[0]
        if not len(names) or not np.isfinite(forced):
            return None
        read = [self.symbols[name] for name in names]
        rightwards = sum(b > a for a, b in pairwise(laid.order)) >= len(laid.order) // 2
        other = tuple(read if rightwards else read[::-1])
        if other == text:
            return None
        spoken = language.log_likelihood(other) - language.log_likelihood(text)
        return other, float(forced - LONGER * _letters(text) - cost + LANGUAGE * spoken)


def _letters(text: Sequence[str]) -> int:
    return sum(not is_space(c) for c in text)


def edit(text: tuple[str, ...], order: Sequence[int], reason: Reason, place: int, symbol: str) -> tuple[str, ...]:
    """`text` with one edit at a place of its layout.

    Args:
        text: characters in reading order.
        order: layout position -> reading position.
        reason: `changed`, `missing` (`symbol` is added before the place), `extra` or `swapped` (with the next).
        place: layout position.
    """
    out = list(text)
    if reason is Reason.changed:
        out[order[place]] = symbol
    elif reason is Reason.extra:
        del out[order[place]]
    elif reason is Reason.swapped:
        one, other = order[place], order[place + 1]
        out[one], out[other] = out[other], out[one]
    else:
        # Before the one on its right, or after the one on its left; the other way round where those run leftwards.
        left, right = (order[place - 1] if place else None), (order[place] if place < len(order) else None)
        leftwards = left is not None and right is not None and right < left
        if left is None or right is None:
            leftwards = len(order) > 1 and order[1 if left is None else -1] < order[0 if left is None else -2]
        if right is not None:
            out.insert(right + 1 if leftwards else right, symbol)
        else:
            assert left is not None
            out.insert(left if leftwards else left + 1, symbol)
    return tuple(out)

