"""How good a data set is, judged by a random sample of its words: error rates with intervals that can be believed.

Words are what is drawn, so characters come in clusters: a word that is wrong is often wrong altogether. Intervals are
two-sided, at `LEVEL`. What they promise is tested by simulation (tests/charloc/test_audit.py).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from charloc.metrics import Errors, distances

LEVEL = 0.95
CENTRE_H = 0.25
"""A centre farther than this from the true one, in word heights, is wrong."""
BOX_IOU = 0.5
"""A box that overlaps the true one by less is wrong."""
FARTHEST_H = 1.0
"""What a missing box, or one farther away, counts in the mean error: it could not be used either way."""
UNSEEN = 0.5
"""How much of one word that is wrong altogether is added to the spread seen: few wrong words say little about how bad
the worst are. From 20 wrong words on it hardly matters."""
_TAIL = (1 - LEVEL) / 2
_Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number about all words, from a sample of them.

    Args:
        value: the sample's; NaN where nothing was judged.
        low, high: the interval.
        words: how many words it rests on.
        wrong, of: what was counted; 0 of 0 for a mean.
        wrong_words: in how many words something is wrong.
        worth: how many independent draws the sample is worth, were there no end of words; 0 for a mean.
    """

    value: float
    low: float
    high: float
    words: int
    wrong: int = 0
    of: int = 0
    wrong_words: int = 0
    worth: float = 0.0

    @property
    def width(self) -> float:
        return self.high - self.low


@dataclass(frozen=True, slots=True)
class Quality:
    """The errors of all words, from a sample.

    Args:
        words: words judged.
        chars: characters judged in them.
        centres, boxes: share of characters whose centre, or box, is wrong.
        words_centres, words_boxes: share of words in which any is.
        mean_h: mean distance of centres in word heights, at most `FARTHEST_H` each.
    """

    words: int
    chars: int
    centres: Estimate
    boxes: Estimate
    words_centres: Estimate
    words_boxes: Estimate
    mean_h: Estimate


def sample(ids: Iterable[int], seed: int) -> list[int]:
    """All ids in an order that the seed alone decides: the first n are a uniform random sample of n, for every n.

    So a sample can be made larger later and stays one. By hash, not by a random generator: those of libraries change.

    >>> sample(range(6), seed=1)[:2] == sample(range(6), seed=1)[:4][:2]
    True
    """
    return sorted(ids, key=lambda id: (hashlib.sha256(f"audit {seed} {id}".encode()).digest(), id))


def quality(words: Sequence[Errors], population: int | None = None) -> Quality:
    """The errors of all words, from those of a random sample.

    Args:
        words: each word's errors as `metrics.word_errors` gives them; words without a character that counts are
            left out.
        population: how many words there are in all; None: no end of them.
    """
    words = [errors for errors in words if len(errors)]
    counts = np.array([len(errors) for errors in words], np.int64)
    off = [np.minimum(distances(errors), FARTHEST_H) for errors in words]
    centres = np.array([int(np.sum(distances(errors) > CENTRE_H)) for errors in words], np.int64)
    boxes = np.array([int(np.sum(errors[:, 2] < BOX_IOU)) for errors in words], np.int64)
    return Quality(
        words=len(words),
        chars=int(counts.sum()),
        centres=character_rate(centres, counts, population),
        boxes=character_rate(boxes, counts, population),
        words_centres=word_rate(int(np.sum(centres > 0)), len(words), population),
        words_boxes=word_rate(int(np.sum(boxes > 0)), len(words), population),
        mean_h=mean([float(each.sum()) for each in off], counts, population),
    )


def word_rate(wrong: int, words: int, population: int | None = None) -> Estimate:
    """Share of words that are wrong, from a uniform sample without replacement.

    Args:
        wrong: how many of the sample are.
        words: size of the sample.
        population: how many there are in all; None: no end of them.

    Returns:
        The exact interval: Clopper and Pearson's, or, in a finite population, the same made from the hypergeometric
        distribution. It covers at least `LEVEL`, whatever is true.

    Source: Clopper & Pearson, Biometrika 26 (1934) 404; for finite populations Katz, J. Am. Stat. Assoc. 48 (1953) 256.
    """
    if words == 0:
        return _nothing()
    low, high = _exact(wrong, words, population)
    return Estimate(wrong / words, low, high, words, wrong, words, wrong, float(words))


def character_rate(wrong: ArrayLike, of: ArrayLike, population: int | None = None) -> Estimate:
    """Share of characters that are wrong, from a sample of words.

    The ratio estimator; its variance from the words' residuals; from that, how many independent characters the sample
    is worth, and Clopper and Pearson's interval for so many. Where no word is wrong there is no variance to see: a
    sample is then worth its words, as if each were right or wrong altogether.

    Args:
        wrong: (n,) per word, how many of its characters are wrong.
        of: (n,) per word, how many were judged; at least 1.
        population: how many words there are in all; None: no end of them.

    Source: Cochran, Sampling Techniques (1977), 6.3 (ratio) and 9A (clusters); Korn & Graubard, Survey Methodology 24
        (1998) 193 (effective sample size in Clopper and Pearson's interval). `UNSEEN` is derived here: without it the
        intervals cover as little as .71 where a few words are wrong altogether among many with one wrong character.
    """
    y, m = np.asarray(wrong, np.float64), np.asarray(of, np.float64)
    n, total = len(y), float(m.sum())
    if n == 0 or total == 0:
        return _nothing()
    share = float(y.sum()) / total
    worth = total**2 / float(np.sum(m**2))  # so many words of one length
    if n > 1 and 0 < share < 1:
        spread = float(np.sum((y - share * m) ** 2)) + UNSEEN * float(np.mean(m**2)) * (1 - share) ** 2
        variance = n / (n - 1) * spread / total**2
        worth = max(min(share * (1 - share) / variance, total) * (_Z / _t(n - 1)) ** 2, 1.0)
    wrong_words = int(np.sum(y > 0))
    low, high = _clustered(share, worth, wrong_words, n, population)
    return Estimate(share, low, high, n, int(y.sum()), int(total), wrong_words, worth)


def mean(sums: ArrayLike, of: ArrayLike, population: int | None = None) -> Estimate:
    """Mean over characters of a number in 0..`FARTHEST_H`, from a sample of words.

    Args:
        sums: (n,) per word, the sum over its characters.
        of: (n,) per word, how many characters; at least 1.
        population: how many words there are in all; None: no end of them.

    Source: the ratio estimator and its variance (Cochran 1977, 6.3), Student's t with n - 1 degrees of freedom. To the
        spread seen, that of one more character at the greatest distance is added: large errors are rare, and a sample
        without one does not know of them.
    """
    s, m = np.asarray(sums, np.float64), np.asarray(of, np.float64)
    n, total = len(s), float(m.sum())
    if n == 0 or total == 0:
        return _nothing()
    value = float(s.sum()) / total
    if population is not None and n >= population:
        return Estimate(value, value, value, n)
    if n == 1:
        return Estimate(value, 0.0, FARTHEST_H, n)
    spread = float(np.sum((s - value * m) ** 2)) + (FARTHEST_H - value) ** 2
    variance = n / (n - 1) * spread / total**2 * (1 - n / population if population else 1.0)
    half = _t(n - 1) * math.sqrt(variance)
    return Estimate(value, max(value - half, 0.0), min(value + half, FARTHEST_H), n)


def words_for(estimate: Estimate, width: float, population: int | None = None) -> int | None:
    """How large a sample has to be for the interval of a rate to be as narrow as wanted, if the rate stays as it is.

    Args:
        estimate: of `word_rate` or `character_rate`.
        width: from end to end.
        population: how many words there are in all; None: no end of them.

    Returns:
        Words in all, those judged included; None where nothing has been judged yet.
    """
    if estimate.words == 0 or not width > 0:
        return None
    if estimate.width <= width:
        return estimate.words
    enough = population if population is not None else 1 << 32  # a whole population leaves nothing open
    return _first(estimate.words, enough, lambda words: _width_with(estimate, words, population) <= width)


def clopper_pearson(wrong: float, of: float) -> tuple[float, float]:
    """Clopper and Pearson's interval for `wrong` of `of` independent draws; both may be fractions.

    >>> low, high = clopper_pearson(0, 100)
    >>> low, round(high, 4)
    (0.0, 0.0362)
    """
    from scipy.special import betaincinv

    low = 0.0 if wrong <= 0 else float(betaincinv(wrong, of - wrong + 1, _TAIL))
    high = 1.0 if wrong >= of else float(betaincinv(wrong + 1, of - wrong, 1 - _TAIL))
    return low, high


def _width_with(estimate: Estimate, words: int, population: int | None) -> float:
    """The width that a sample of so many words would have, were the rest of them like those judged."""
    more = words / estimate.words
    if estimate.of == estimate.words:
        low, high = _exact(round(estimate.value * words), words, population)
    else:
        wrong_words = round(estimate.wrong_words * more)
        low, high = _clustered(estimate.value, estimate.worth * more, wrong_words, words, population)
    return high - low


def _clustered(share: float, worth: float, wrong_words: int, words: int, population: int | None) -> tuple[float, float]:
    """The interval of a share from a sample of `words` that is worth so many independent draws."""
    if population is not None and words >= population:
        return share, share
    if population is not None:
        worth *= _finite(wrong_words, words, population)
    return clopper_pearson(share * worth, worth)


@lru_cache(maxsize=4096)
def _finite(wrong: int, words: int, population: int) -> float:
    """How many times more words a sample is worth for being of a finite population; at least 1.

    So many that Clopper and Pearson's interval for words becomes as narrow as the exact one; with many wrong words
    1 / (1 - words / population).
    """
    low, high = _hypergeometric(wrong, words, population)
    least, most = 1.0, float(population)
    while most - least > 1e-3 * least:
        middle = math.sqrt(least * most)
        ends = clopper_pearson(wrong * middle, words * middle)
        least, most = (middle, most) if ends[1] - ends[0] > high - low else (least, middle)
    return least


def _exact(wrong: int, words: int, population: int | None) -> tuple[float, float]:
    return clopper_pearson(wrong, words) if population is None else _hypergeometric(wrong, words, population)


def _hypergeometric(wrong: int, words: int, population: int) -> tuple[float, float]:
    """The least and the greatest share wrong of a population with which neither tail, from what was seen on, is under
    `_TAIL`."""

    def at_most(seen: int, all_wrong: int) -> float:
        return float(np.sum(_chances(np.arange(0, seen + 1), all_wrong, words, population)))

    # Either tail moves one way with the number wrong in all, so halving finds the end.
    least, most = wrong, population - (words - wrong)
    low = _first(least, most, lambda all_wrong: wrong == 0 or 1 - at_most(wrong - 1, all_wrong) > _TAIL)
    above = _first(least, most + 1, lambda all_wrong: all_wrong > most or at_most(wrong, all_wrong) <= _TAIL)
    return low / population, (above - 1) / population


def _first(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """The least number from `low` on for which `holds`; it does for `high`, and from then on it stays so."""
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low


def _chances(seen: NDArray[np.int64], all_wrong: int, words: int, population: int) -> NDArray[np.float64]:
    """Hypergeometric probabilities of seeing so many wrong."""
    from scipy.special import gammaln

    def log_choose(n: ArrayLike, k: ArrayLike) -> NDArray[np.float64]:
        n, k = np.asarray(n, np.float64), np.asarray(k, np.float64)
        possible = (k >= 0) & (k <= n)
        k = np.where(possible, k, 0.0)
        return np.where(possible, gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1), -np.inf)

    right = population - all_wrong
    return np.exp(log_choose(all_wrong, seen) + log_choose(right, words - seen) - log_choose(population, words))


def _t(freedom: int) -> float:
    """Student's t beyond which `_TAIL` lies."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 1 - _TAIL))


def _nothing() -> Estimate:
    return Estimate(math.nan, 0.0, 1.0, 0)
