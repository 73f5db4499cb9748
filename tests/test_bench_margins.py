"""What `bench margins` takes off a reference, and what it leaves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from charloc.types import Localization, SourceWord, WordImage
from tests.bench import margins
from tests.bench._sets import Set

PAPER = np.full((20, 40), 255, np.uint8)
INK = ((2.0, 2.0, 12.0, 18.0), (14.0, 14.0, 18.0, 18.0))


def made(*pages: tuple[str, float]) -> tuple[Set, list[Localization]]:
    """Two words of a letter and a full stop on each page, whose reference stands off the ink by so much."""
    words, truth, found = [], [], []
    for page, off in pages:
        for _ in range(2):
            loose = tuple((x0 - off, y0 - off, x1 + off, y1 + off) for x0, y0, x1, y1 in INK)
            words.append(WordImage(len(words), f"{len(words)}", PAPER, ("a", ".")))
            truth.append(SourceWord(f"{len(truth)}", b"", "a.", loose, meta={"page": page}))
            found.append(Localization(np.array(INK, np.float32), np.ones(2, np.float32), 0.0, "fake"))
    return Set("books", words, truth), found


def test_a_loose_page_is_scored_as_it_is_and_without_its_margin() -> None:
    data, found = made(("tight", 0), ("loose", 1))
    found[2:] = [replace(each, confidence=each.confidence / 2) for each in found[2:]]
    loose, every = margins.rows(data, found)
    assert loose == ["books", "loose", "2", "1, 1, 1, 1", "0.0000", "0.5000", "", "1.0000", "1.0000", ""]
    assert every == ["books", "all", "4", "", "0.5000", "0.7500", "1.000", "1.0000", "1.0000", ""]


def test_a_wrong_box_stays_wrong() -> None:
    data, found = made(("loose", 1), ("loose", 1))
    boxes = found[0].boxes.copy()
    boxes[0] += 8
    found[0] = Localization(boxes, found[0].confidence, 0.0, "fake")
    assert [row[-3:-1] for row in margins.rows(data, found)] == [["0.7500", "0.8750"]] * 2


def test_nothing_found_or_nothing_known_has_no_margin() -> None:
    data, found = made(("page", 2))
    nowhere = Localization(np.full((2, 4), np.nan, np.float32), np.zeros(2, np.float32), 0.0, "fake")
    assert not margins.margin(data, [nowhere, nowhere], [True, True]).any()
    assert not margins.margin(data, found, [False, False]).any()
    bare = SourceWord("b", b"", "a.")
    assert margins.without(bare, np.ones(4)) is bare
    gap = SourceWord("g", b"", "a .", ((0, 0, 1, 1), None, (5, 5, 9, 9)))
    assert margins.without(gap, np.ones(4)).boxes == ((0, 0, 1, 1), None, (6, 6, 8, 8))  # the first is too small


def test_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    data, found = made(("loose", 1))
    monkeypatch.setattr(margins, "load", lambda name, most: data)
    result = type("Result", (), {"localizations": found})()
    monkeypatch.setattr(margins, "each_round", lambda *given: iter([result]))
    margins.main(["--sets", "books", "--init", "guess"])
    assert "| books | loose | 2 | 1, 1, 1, 1 | 0.0000 | 0.5000 |  | 1.0000 | 1.0000 |  |" in capsys.readouterr().out
