"""Do an audit's intervals hold what they promise? Populations of words whose errors are known, drawn from many times.

    launch.py bench audit [--times 800] [--population 5000]

For every way in which characters can go wrong together in words, the least coverage of the 95 % interval for characters
over rates of 1 to 10 %, with its mean width at 2 %; with `audit.UNSEEN` as it is and without it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from charloc import audit
from tests.charloc.test_audit import KINDS, Words

RATES = (0.01, 0.02, 0.03, 0.05, 0.1)
SHOWN = 0.02
SIZES = (50, 100, 200, 400)


def covers(words: Words, drawn: int, times: int, seed: int = 4) -> tuple[float, float]:
    """How often the interval from so many words holds the truth, and how wide it is on average."""
    wrong, of = words
    truth, rng = wrong.sum() / of.sum(), np.random.default_rng(seed)
    found = []
    for _ in range(times):
        some = rng.permutation(len(of))[:drawn]
        each = audit.character_rate(wrong[some], of[some], len(of))
        found.append((each.low <= truth <= each.high, each.width))
    covered, width = np.mean(found, axis=0)
    return float(covered), float(width)


def main(arguments: Sequence[str]) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="launch.py bench audit")
    parser.add_argument("--times", type=int, default=800)
    parser.add_argument("--population", type=int, default=5000)
    asked = parser.parse_args(list(arguments))
    usual = audit.UNSEEN
    print(f"Least coverage over rates {RATES}, and mean width at {SHOWN:.0%}; {asked.times} samples each")
    print(f"{'errors':<36}" + "".join(f"{f'{size} words':>18}" for size in SIZES))
    for kind in KINDS:
        populations = [kind(np.random.default_rng(1), asked.population, rate) for rate in RATES]
        for unseen in (usual, 0.0):
            audit.UNSEEN = unseen
            cells = []
            for size in SIZES:
                found = [covers(words, size, asked.times) for words in populations]
                least, width = min(each for each, _ in found), found[RATES.index(SHOWN)][1]
                cells.append(f"{least:.3f} +-{50 * width:.1f} %")
            name = f"{kind.__name__.replace('_', ' ')}{'' if unseen else ', without'}"
            print(f"{name:<36}" + "".join(f"{cell:>18}" for cell in cells), flush=True)
    audit.UNSEEN = usual
    for rate, half in ((0.02, 0.01), (0.02, 0.005), (0.05, 0.02), (0.0, 0.01)):
        now = audit.word_rate(round(rate * 100), 100)
        print(f"words wrong {rate:.0%}, wanted +-{half:.1%}: {audit.words_for(now, 2 * half)} words of any number")


if __name__ == "__main__":
    main([])
