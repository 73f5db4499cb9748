"""What `bench effort` and `bench calibration` count, keep and write."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from charloc.methods import METHODS, Entry
from charloc.synth import render_set
from charloc.types import CharlocError, Localization, Pin, SourceWord, WordImage
from tests.bench import _effort, calibration, effort
from tests.bench._effort import Case, least_sure_wrong, neighbours, one, single_pins
from tests.bench._jobs import Record, read
from tests.bench._person import ORDERS, correct, order
from tests.bench._plot import plot_effort, plot_reliability
from tests.bench._rounds import go_on, start
from tests.bench._sets import Set, faulty, load
from tests.bench._table import between_markers

FOUR = WordImage(0, "0.png", np.zeros((20, 40), np.uint8), ("a", "b", " ", "c"))
EXACT = SourceWord("0.png", b"", "ab c", ((0, 0, 10, 20), (10, 0, 20, 20), None, (30, 0, 40, 20)))


@pytest.fixture(autouse=True)
def fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METHODS, "fake", Entry("tests.fake_method", "Fake", True, "for tests"))


@pytest.fixture(scope="module")
def rendered() -> Set:
    sources = [(each, each.source_word(f"{i}.png")) for i, each in enumerate(render_set(40, seed=1, hard=False))]
    return Set(
        "rendered_hard", [each.word(i) for i, (each, _) in enumerate(sources)], [source for _, source in sources]
    )


def found(*x0: float | None, sure: tuple[float, ...] = (0.9, 0.8, 0.1, 0.7)) -> Localization:
    boxes = np.array([(np.nan,) * 4 if x is None else (x, 0, x + 10, 20) for x in x0], np.float32)
    return Localization(boxes, np.array(sure, np.float32), 0.0, "fake")


def case(order: str, share: float) -> Case:
    return Case("rendered_hard", "fake", "flat", order, share, None, 0)


# --- orders -----------------------------------------------------------------------------------------------------------


def test_orders() -> None:
    many_doubts = found(0, 10, None, 30, sure=(0.6, 0.6, 1, 0.6))
    one_doubt = found(0, 10, None, 30, sure=(0.5, 1, 0, 1))
    sure = found(0, 10, None, 30, sure=(0.9, 0.9, 0, 0.9))
    nowhere = found(None, None, None, None)
    words = [sure, one_doubt, many_doubts, nowhere]
    assert order("queue", words) == [3, 2, 1, 0]
    assert order("least", words) == [3, 1, 2, 0]
    shuffled = order("random", [sure] * 50, seed=1)
    assert sorted(shuffled) == list(range(50)) and shuffled != list(range(50))
    assert shuffled == order("random", [sure] * 50, seed=1) != order("random", [sure] * 50, seed=2)
    with pytest.raises(CharlocError, match="no order 'whim'"):
        order("whim", words)


def test_words_are_corrected_in_the_order_they_are_offered() -> None:
    places = [found(0, 10, None, 30)] * 4
    pins = correct([FOUR] * 4, [EXACT, EXACT, SourceWord("0.png", b"", "ab c"), EXACT], places, 0.5, [2, 3, 0, 1])
    assert [len(each) for each in pins] == [3, 0, 0, 3]


# --- one run ----------------------------------------------------------------------------------------------------------


def test_what_corrections_do_is_counted_on_the_words_left(rendered: Set) -> None:
    before = go_on(rendered, "fake", "flat", start(rendered, "flat"))
    control = go_on(rendered, "fake", "flat", before).localizations
    nobody = one(rendered, case("queue", 0.0), before, control)
    assert nobody["asked"]["words"] == 0
    assert nobody["others"] == nobody["all"] and nobody["others"]["control"] == nobody["others"]["after"]

    record = one(rendered, case("random", 0.1), before, control)
    assert record["asked"]["words"] == 4 and record["asked"]["characters"] >= 4
    assert {step["scored"] for step in record["others"].values()} == {36}
    assert {step["scored"] for step in record["all"].values()} == {40}
    assert record["others"]["control"] == record["others"]["after"]  # the fake does not learn from pins
    assert record["all"]["before"] == nobody["all"]["before"]
    wrong = record["others"]["after"]["wrong"]
    assert record["all"]["after"]["wrong"] == wrong  # what was corrected is right
    assert wrong / 36 == pytest.approx(1 - record["others"]["after"]["word50"], abs=1e-4)
    assert record["others"]["after"]["parts"] == 36  # no spaces: the same words
    assert json.loads(json.dumps(record)) == record


def test_one_pin_and_its_neighbours() -> None:
    truth = (Pin(0, (0, 0, 10, 20)), Pin(1, (10, 0, 20, 20)), Pin(3, (30, 0, 40, 20)))
    shifted = found(9, 19, None, 30)
    pin = least_sure_wrong(truth, shifted)
    assert pin == truth[1]
    assert neighbours(truth, pin, shifted, found(0, 10, None, 30)) == (1, 1, 0, 1, 1)
    assert neighbours(truth, pin, shifted, found(9, 10, None, None)) == (1, 0, 1, 1, 0)
    # The last is two away from the pin: a gap without a box is between them.
    assert neighbours(truth, pin, found(0, 19, None, 39), found(0, 10, None, 30)) == (1, 1, 0, 0, 0)
    assert least_sure_wrong(truth, found(0, 10, None, 30)) is None and least_sure_wrong((), shifted) is None


def test_single_pins(rendered: Set) -> None:
    before = go_on(rendered, "fake", "flat", start(rendered, "flat"))
    record = single_pins(rendered, case("", 0.0), before)
    all_of = one(rendered, case("queue", 0.0), before, before.localizations)["all"]["before"]
    assert record["pins"] == all_of["wrong"]
    # The fake puts every other character where it was.
    assert (record["repaired"], record["spoiled"]) == (0, 0)
    assert record["repaired_counts"] == [record["pins"]]
    assert record["words_right"] == record["pins"] - record["with_others"]
    exact = Set("none", [FOUR], [EXACT])
    right = found(0, 10, None, 30)
    nothing = single_pins(exact, case("", 0.0), type(before)([right], before.checkpoint, 0.0, 0, 0.0, 0.0, {}))
    assert nothing["pins"] == nothing["others_wrong"] == 0 and nothing["repaired_counts"] == []
    assert (nothing["sound"], nothing["sound_spoiled"]) == (1, 0)
    # Half a character away from where the fake puts it, every other character is spoiled.
    boxes = ((5, 0, 15, 20), (15, 0, 25, 20), None, (35, 0, 45, 20))
    away = Set("none", [FOUR], [SourceWord("0.png", b"", "ab c", boxes)])
    shifted = found(5, 15, None, 35)
    spoiled = single_pins(away, case("", 0.0), type(before)([shifted], before.checkpoint, 0.0, 0, 0.0, 0.0, {}))
    assert (spoiled["sound"], spoiled["sound_spoiled"], spoiled["sound_others_spoiled"]) == (1, 1, 2)
    assert record["sound"] == len(rendered.words) - record["pins"] and record["sound_spoiled"] == 0


# --- all runs ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, rendered: Set) -> Path:
    """The benchmarks with everything they write in a folder of the test's."""
    page = tmp_path / "page.md"
    page.write_text("<!-- effort:begin --><!-- effort:end -->\n<!-- calibration:begin --><!-- calibration:end -->\n")
    monkeypatch.setattr(_effort, "load", lambda name, most: rendered)
    monkeypatch.setattr(calibration, "load", lambda name, most: rendered)
    monkeypatch.setattr(effort, "data_folder", lambda: tmp_path)
    monkeypatch.setattr(effort, "BASES", tmp_path / "kept")
    for module in (effort, calibration):
        monkeypatch.setattr(module, "KEPT", tmp_path / f"{module.__name__.rpartition('.')[2]}.jsonl")
        monkeypatch.setattr(module, "PAGE", page)
        monkeypatch.setattr(module, "PICTURE", tmp_path / f"{module.__name__.rpartition('.')[2]}.svg")
    return tmp_path


def test_effort_goes_on_where_it_was_stopped(
    bench: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--sets", "rendered_hard", "--method", "fake", "--init", "flat", "--shares", "0,0.05"]

    def stop(*given: object) -> Record:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(_effort, "one", stop)
        with pytest.raises(KeyboardInterrupt):
            effort.main(arguments)
    assert [record["order"] for record in read(bench / "effort.jsonl").values()] == [""]
    capsys.readouterr()
    effort.main([*arguments, "--write"])
    said = capsys.readouterr()
    assert "rendered_hard: 5 runs to do." in said.err and "control" not in said.err  # the rounds before were kept
    assert said.err.index("random") < said.err.index("fake-guess") < said.err.index("single pins, guess")
    effort.main(arguments)
    assert "runs to do" not in capsys.readouterr().err
    page = (bench / "page.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert [row.split(" | ")[:3] for row in rows if "%" in row][:4] == [
        ["| nobody asked", "0 %", "0"], *(["| " + name, "5 %", "2"] for name in ORDERS)
    ]  # fmt: skip
    assert [row.split(" | ")[:2] for row in rows[-2:]] == [["| rendered_hard", "flat"], ["| rendered_hard", "guess"]]
    assert all(row.count("|") in (len(effort.HEADS) + 1, len(effort.PIN_HEADS) + 1) for row in rows)
    assert b"rendered_hard" in (bench / "effort.svg").read_bytes()


def test_the_page_there_is_can_be_written() -> None:
    page = effort.PAGE.read_text("utf-8")
    for name in ("effort", "calibration"):
        assert "| new |" in between_markers(page, "| new |", name)


def test_what_effort_is_asked_for_exists(bench: Path) -> None:
    for arguments, message in (
        (["--orders", "whim"], "no order 'whim'"),
        (["--words", "3", "--write"], "leave --words out"),
        (["--method", "guess"], "no method 'guess' that learns"),
    ):
        with pytest.raises(CharlocError, match=message):
            effort.main(arguments)
    with pytest.raises(SystemExit):
        effort.main(["--shares", "2"])


def test_errors_removed() -> None:
    step = {"control": {"wrong": 8, "parts_wrong": 0}, "after": {"wrong": 6, "parts_wrong": 0}}
    assert effort.removed(step) == 0.25 and effort.removed(step, "parts_wrong") is None


def test_the_pictures(tmp_path: Path) -> None:
    records = [
        {"order": order, "share": share, "others": {"after": {"word50": 0.9 + share}, "control": {"word50": 0.9}}}
        for order, share in (("queue", 0.0), ("queue", 0.05), ("random", 0.05))
    ]
    curve = {"set": "irish", "ece": 0.021, "chars": 10, "curve": [[0.2, 0.5, 2.0], [0.9, 1.0, 8.0]]}
    for name in ("one", "other"):
        plot_effort({"irish": records, "fraktur": records[:2]}, tmp_path / f"{name}.svg")
        plot_reliability([curve, {**curve, "ece": None}], tmp_path / f"{name}_sure.svg")
    for kind, part in (("", b"by chance"), ("_sure", b"ECE 0.021")):
        drawn = (tmp_path / f"one{kind}.svg").read_bytes()
        assert drawn == (tmp_path / f"other{kind}.svg").read_bytes() and part in drawn


# --- calibration ------------------------------------------------------------------------------------------------------


def test_calibration_by_hand() -> None:
    data = Set("irish", [FOUR] * 3, [EXACT, EXACT, SourceWord("0.png", b"", "ab c")])
    record = calibration.measure(data, [found(0, 10, None, 30), found(0, 0, None, None), found(0, 10, None, 30)])
    assert (record["words"], record["chars"], record["words_wrong"]) == (2, 6, 1)
    assert record["right"] == pytest.approx(4 / 6, abs=1e-4) and record["confidence"] == pytest.approx(0.8)
    # Doubts of the wrong, .2 and .3, against those of the right, .1, .1, .2, .3. What has no box is wrong.
    assert record["auc_chars"] == 0.75
    # Both words are as sure of their least certain character; the queue leaves out what has no box.
    assert record["auc_least"] == 0.5 and record["auc_queue"] == 0.0
    assert calibration.least_confidence(FOUR, found(0, 10, None, 30)) == pytest.approx(0.7)
    assert json.loads(json.dumps(record)) == record
    cells = dict(zip(calibration.HEADS, calibration.row({"set": "irish", **record}), strict=True))
    assert cells["asked"] == f"ECE +{record['ece'] - 0.05:.3f}; AUC -0.900"


def test_words_whose_reference_is_at_fault_are_counted_and_once_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is aimed at counts them; beside it stands what it would be without them."""
    names = ("right.png", "wrong.png", "faulty.png")
    data = Set("irish", [FOUR] * 3, [replace(EXACT, name=name) for name in names])
    faults = {"faulty.png": "why", "not there.png": "why"}
    monkeypatch.setattr(calibration, "faulty", lambda name: faults if name == "irish" else {})
    each = [
        found(0, 10, None, 30, sure=(0.9, 0.9, 1, 0.9)),
        found(0, 10, None, 40, sure=(0.9, 0.9, 1, 0.5)),
        found(0, 10, None, 40, sure=(1, 1, 1, 1)),
    ]
    record = calibration.measure(data, each)
    assert (record["words_wrong"], record["faulty"]) == (2, 1)
    assert (record["auc_queue"], record["auc_sound"]) == (0.5, 1.0)
    cells = dict(zip(calibration.HEADS, calibration.row({"set": "irish", **record}), strict=True))
    assert cells["asked"].endswith("AUC -0.400")


def test_faulty_references_are_words_of_the_sets(shared_data: Path) -> None:
    """A name that has gone would be counted as sound."""
    for name in ("fraktur", "irish"):
        there = {each.name for each in load(name).truth}
        assert faulty(name) and not set(faulty(name)) - there
    assert faulty("rendered_hard") == {}


def test_calibration_of_nothing_wrong() -> None:
    record = calibration.measure(Set("irish", [FOUR], [EXACT]), [found(0, 10, None, 30, sure=(1, 1, 0, 1))])
    assert record["ece"] == 0 and record["auc_queue"] is None
    assert calibration.row({"set": "irish", **record})[-1] == "ECE met"


def test_calibration_is_kept_and_written(bench: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--sets", "rendered_hard", "--method", "fake", "--init", "flat"]
    calibration.main([*arguments, "--write"])
    (record,) = read(bench / "calibration.jsonl").values()
    assert record["key"] == "rendered_hard-fake-flat-all-1" and record["confidence"] == 0.5
    (bench / "calibration.jsonl").write_text(json.dumps({**record, "words": 4321}) + "\n")
    capsys.readouterr()
    calibration.main(arguments)
    assert "| rendered_hard | 4,321 |" in capsys.readouterr().out
    calibration.main([*arguments, "--again"])
    assert "| rendered_hard | 40 |" in capsys.readouterr().out
    assert "| rendered_hard | 40 |" in (bench / "page.md").read_text()
    assert b"rendered_hard" in (bench / "calibration.svg").read_bytes()
