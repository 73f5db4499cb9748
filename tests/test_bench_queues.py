"""The benchmarks of queues and of what is unusual measure what they say."""

from __future__ import annotations

import numpy as np
import pytest

from charloc.types import Localization, WordImage
from tests.bench import oddity, queues


def test_queues_are_timed_on_a_small_project(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues, "TIMES", 1)
    queues.main(["--words", "120"])
    said = capsys.readouterr().out
    rows = [line.split("|") for line in said.splitlines() if line.startswith("| least certain (the default)")]
    assert [row[-2].strip() for row in rows] == ["120", "60", "3"], "what is left after more and more decisions"
    assert "| by character |" in said and "| flagged |" in said


def test_planted_characters_are_as_named_and_others_untouched() -> None:
    rng = np.random.default_rng(0)
    pixels = np.full((30, 200), 255, np.uint8)
    words = [WordImage(k, f"{k}", pixels, tuple("abcdefgh")) for k in range(80)]
    boxes = np.array([[20.0 * k, 5, 20 * k + 12, 25] for k in range(8)], np.float32)
    boxes[3] = np.nan
    found = [Localization(boxes, np.ones(8, np.float32), 0.0, "guess") for _ in words]
    spoilt, planted, kinds = oddity.plant(words, found, rng)
    assert np.array_equal(found[0].boxes[0], [0, 5, 12, 25]), "what was found stays"
    for word, after, kind in zip(spoilt, planted, kinds, strict=True):
        wide = after[:, 2] - after[:, 0]
        for i in range(8):
            named = word.characters[i] == "abcdefgh"[i]
            if kind[i] == 0:
                assert named and (np.array_equal(after[i], boxes[i]) or i == 3)
            elif kind[i] == 1:
                assert named and wide[i] == pytest.approx(12) and 4.8 <= abs(after[i, 0] - boxes[i, 0]) <= 9.6
            elif kind[i] == 2:
                assert named and min(abs(wide[i] - 6), abs(wide[i] - 21.6)) < 1e-3
            else:
                assert not named and np.array_equal(after[i], boxes[i])
    share = np.mean(np.concatenate(kinds) > 0)
    assert 0.02 < share < 0.09 and not any(kind[3] for kind in kinds), "of those that have a box"
