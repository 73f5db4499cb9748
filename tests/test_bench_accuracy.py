"""What `bench accuracy` shows, writes and draws."""

from __future__ import annotations

import doctest
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from charloc.methods import METHODS, Entry
from charloc.synth import render_set
from charloc.types import CharlocError, Localization, SourceWord, WordImage
from tests.bench import accuracy
from tests.bench._pictures import check_folder, draw, worst
from tests.bench._rounds import check, each_round
from tests.bench._sets import ROOT, Set, judge

LINE = Set(
    "line",
    [WordImage(0, "a", np.full((20, 80), 255, np.uint8), ("a", "b", " ", "m\u0323", " ", "c"))],
    [
        SourceWord(
            "a", b"", "ab m\u0323 c",
            ((0, 0, 10, 20), (10, 0, 20, 20), None, (30, 0, 40, 20), (30, 0, 40, 20), None, (60, 0, 70, 20)),
            approx=(6,),
        )
    ],
)  # fmt: skip
"""A line of three words, the last of which does not count; the character of the second has two code points."""


@pytest.fixture(autouse=True)
def fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METHODS, "fake", Entry("tests.fake_method", "Fake", True, "for tests"))


@pytest.fixture(scope="module")
def rendered() -> Set:
    sources = [(each, each.source_word(f"{i}.png")) for i, each in enumerate(render_set(6, seed=1, hard=False))]
    return Set("irish", [each.word(i) for i, (each, _) in enumerate(sources)], [source for _, source in sources])


def found(*x0: float | None) -> Localization:
    boxes = np.array([(np.nan,) * 4 if x is None else (x, 0, x + 10, 20) for x in x0], np.float32)
    return Localization(boxes, np.linspace(0, 1, len(x0), dtype=np.float32), 0.0, "fake")


def test_doctests() -> None:
    assert doctest.testmod(accuracy).failed == 0


def test_judged_are_code_points_with_an_exact_box() -> None:
    judged = judge(LINE.words[0], LINE.truth[0], found(0, None, None, 35, None, 60))
    assert judged.index.tolist() == [0, 1, 3, 3]
    assert judged.overlap == pytest.approx([1, 0, 1 / 3, 1 / 3])
    assert judged.confidence == pytest.approx([0, 0.2, 0.6, 0.6])
    assert judged.right.tolist() == [True, False, False, False]
    assert len(judge(LINE.words[0], SourceWord("a", b"", "ab m\u0323 c"), found(0, 0, 0, 0, 0, 0)).index) == 0


def test_the_words_of_a_line_are_counted_one_by_one() -> None:
    assert LINE.has_lines
    assert LINE.parts([found(0, 10, None, 30, None, 0)]) == [(2, 2)]
    assert LINE.parts([found(0, 10, None, 50, None, 60)]) == [(2, 1)]
    assert LINE.parts([found(5, None, None, None, None, 60)]) == [(2, 0)]


def test_rows(rendered: Set) -> None:
    assert not rendered.has_lines
    first, second = each_round(rendered, "fake", "flat", 1)
    cells = dict(zip(accuracy.HEADS, accuracy.row(rendered, 0, first, "flat", 1), strict=True))
    assert (cells["set"], cells["words"], cells["step"]) == ("irish", "6", "flat")
    assert (cells["line words"], cells["moved"], cells["asked"]) == ("", "", "")
    assert cells["r75"] == f"{rendered.score(first.localizations).r75:.4f}"
    cells = dict(zip(accuracy.HEADS, accuracy.row(rendered, 1, second, "flat", 1), strict=True))
    assert cells["step"] == "round 1" and int(cells["moved"]) > 0
    assert cells["asked"].startswith("word50 .990: -")
    cells = dict(zip(accuracy.HEADS, accuracy.row(LINE, 1, next(each_round(LINE, "fake", "flat", 0))), strict=True))
    assert 0 <= float(cells["line words"]) <= 1 and cells["asked"] == ""


def test_names_that_do_not_exist() -> None:
    for method, init, message in (("magic", "flat", "no method 'magic'"), ("fake", "hot", "no start 'hot'"),
                                  ("even", "flat", "no method 'even' that learns")):  # fmt: skip
        with pytest.raises(CharlocError, match=message):
            check(method, init)


def test_the_newest_table_stands_first() -> None:
    text = accuracy.section("launch.py it", [["a"] * 3], {"date": "2026-02-03", "revision": "abc", "torch": "2"})
    page = accuracy.on_top("# Log\n\nIntro.\n\n## 2026-01-01: old\n\nRest.\n", text)
    assert page.startswith("# Log\n\nIntro.\n\n## 2026-02-03: how right the boxes are\n\n`launch.py it`\n\n| set |")
    assert page.endswith("revision abc, torch 2.\n\n## 2026-01-01: old\n\nRest.\n")
    assert accuracy.on_top(accuracy.PAGE.read_text("utf-8"), text).count(text) == 1
    with pytest.raises(CharlocError, match="no section"):
        accuracy.on_top("# Log", text)


def test_pictures_of_the_worst_stay_outside(rendered: Set, tmp_path: Path) -> None:
    (result,) = each_round(rendered, "fake", "flat", 0)
    chosen = worst(rendered, result.localizations, 4)
    assert 0 < len(chosen) <= 4
    path = tmp_path / "new" / "left.png"
    assert draw(rendered, result.localizations, 4, path) == len(chosen)
    with Image.open(path) as sheet:
        assert {(0, 158, 115), (213, 94, 0)} <= {colour for _, colour in sheet.getcolors(1 << 24)}
    right = [found(0, 10, None, 30, None, 60)]
    assert draw(LINE, right, 4, tmp_path / "none.png") == 0 and not (tmp_path / "none.png").exists()
    check_folder(tmp_path)
    check_folder(ROOT / ".bench" / "left")
    with pytest.raises(CharlocError, match="must not get into the repository"):
        check_folder(ROOT / "docs" / "images")


def test_a_part_of_a_set_is_not_written() -> None:
    with pytest.raises(CharlocError, match="leave --words out"):
        accuracy.main(["--words", "3", "--write"])
