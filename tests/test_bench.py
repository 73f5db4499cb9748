"""What `bench methods` is made of: the simulated person, what is run again, the tables, the page, the picture."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from charloc.methods import METHODS, Checkpoint, Entry, make
from charloc.synth import render_set
from charloc.types import CharlocError, Localization, Pin, SourceWord, WordImage
from tests.bench import _jobs as jobs
from tests.bench import _one_job, methods
from tests.bench._jobs import Job, Record
from tests.bench._person import correct, corrected, queue, true_pins
from tests.bench._plot import plot
from tests.bench._sets import Set
from tests.bench._table import BEGIN, END, between_markers, line, ranked, tables

BLANK = np.zeros((9, 9), np.uint8)
BOXES = ((0.0, 0.0, 4.0, 9.0), (4.0, 1.0, 9.0, 9.0), (9.0, 0.0, 12.0, 8.0))


@pytest.fixture(autouse=True)
def fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A method that learns, and one that starts from it and only reads."""
    monkeypatch.setitem(METHODS, "fake", Entry("tests.fake_method", "Fake", True, "for tests"))
    monkeypatch.setitem(METHODS, "fake_kin", Entry("tests.fake_method", "Fake", True, "for tests", kin=("fake",)))
    monkeypatch.setattr(jobs, "FLAT", (("irish", "fake"),))
    monkeypatch.setattr(jobs, "TWO_ROUNDS", ("fake",))
    monkeypatch.setattr(jobs, "READ_ONLY", ("fake_kin",))
    monkeypatch.setattr(_one_job, "READ_ONLY", ("fake_kin",))


@pytest.fixture(scope="module")
def rendered() -> Set:
    sources = [(each, each.source_word(f"{i}.png")) for i, each in enumerate(render_set(40, seed=1, hard=False))]
    return Set("irish", [each.word(i) for i, (each, _) in enumerate(sources)], [source for _, source in sources])


# --- the person -------------------------------------------------------------------------------------------------------


def word(*characters: str) -> WordImage:
    return WordImage(0, "0.png", BLANK, characters)


def truth(text: str, *boxes: tuple[float, float, float, float] | None, approx: tuple[int, ...] = ()) -> SourceWord:
    return SourceWord("0.png", b"", text, boxes, approx)


def sure(*confidence: float) -> Localization:
    boxes = np.tile(np.float32([0, 0, 5, 9]), (len(confidence), 1))
    return Localization(boxes, np.float32(confidence), 0.0, "fake")


def test_every_exact_character_is_pinned() -> None:
    a, b, c = BOXES
    assert true_pins(word("a", "b"), truth("ab", a, b)) == (Pin(0, a), Pin(1, b))
    assert true_pins(word("a", " ", "b"), truth("a b", a, None, b)) == (Pin(0, a), Pin(2, b))
    assert true_pins(word("a", "b", "c"), truth("abc", a, b, c, approx=(1,))) == (Pin(0, a), Pin(2, c))


def test_a_character_of_several_code_points_has_the_box_around_theirs() -> None:
    assert true_pins(word("q\u0307", "b"), truth("q\u0307b", *BOXES)) == (Pin(0, (0, 0, 9, 9)), Pin(1, BOXES[2]))
    assert true_pins(word("q\u0307", "b"), truth("q\u0307b", *BOXES, approx=(1,))) == (Pin(1, BOXES[2]),)


def test_words_without_complete_references_are_not_corrected() -> None:
    assert true_pins(word("a", "b"), truth("ab", BOXES[0], None)) == ()
    assert true_pins(word("a", "b"), SourceWord("0.png", b"", "ab")) == ()
    assert true_pins(word("a"), truth("a", BOXES[0], approx=(0,))) == ()


def test_the_least_certain_words_are_corrected_first() -> None:
    found = [sure(0.9, 0.9), sure(0.5, 0.9), sure(1.0, 1.0), sure(0.5, 0.5)]
    assert queue(found) == [3, 1, 0, 2]
    words = [word("a", "b")] * 4
    exact = truth("ab", *BOXES[:2])
    assert [len(pins) for pins in correct(words, [exact] * 4, found, 0.5)] == [0, 2, 0, 2]
    assert [len(pins) for pins in correct(words, [exact] * 4, found, 0.01)] == [0, 0, 0, 2]
    # What has no references is skipped, not counted.
    assert [len(pins) for pins in correct(words, [exact, exact, exact, truth("ab")], found, 0.5)] == [2, 2, 0, 0]
    assert correct(words, [truth("ab")] * 4, found, 1.0) == [()] * 4


def test_corrections_are_applied_whether_or_not_a_method_honours_them() -> None:
    first, second = corrected([sure(0.1, 0.2), sure(0.3)], [(Pin(1, BOXES[1]),), ()])
    assert first.boxes.tolist() == [[0, 0, 5, 9], list(BOXES[1])]
    assert first.confidence.tolist() == pytest.approx([0.1, 1.0])
    assert second.boxes.tolist() == [[0, 0, 5, 9]]


# --- what is run ------------------------------------------------------------------------------------------------------


def test_the_plan() -> None:
    plan = jobs.plan(["fraktur", "irish"], ["fake_kin", "fake", "guess"])
    assert [(job.set, job.label, job.rounds) for job in plan] == [
        ("fraktur", "guess", 1),
        ("fraktur", "fake", 2),
        ("fraktur", "fake_kin", 2),
        ("irish", "guess", 1),
        ("irish", "fake", 2),
        ("irish", "fake, flat start", 2),
        ("irish", "fake_kin", 2),
    ]
    assert plan[2].kin == plan[1] and plan[6].kin == plan[4] and plan[0].kin is None
    assert len({job.key for job in plan}) == len(plan)
    warm = jobs.plan(["irish"], ["guess", "fake"], inits=["pretrained"])
    assert [(job.key, job.label) for job in warm] == [("irish-fake-pretrained-all-2", "fake, warm start")]
    short = jobs.plan(["irish"], ["fake_kin"], words=9, rounds=3, inits=["guess"])[0]
    assert jobs.plan(["irish"], ["fake"], control=False)[0].key == plan[4].key
    assert short.key == "irish-fake_kin-guess-9-3" and short.kin == Job("irish", "fake", "guess", 9, 3)


@pytest.mark.parametrize(
    ("sets", "names", "inits", "message"),
    [
        (["atlantis"], ["guess"], ["guess"], "no set 'atlantis'. Choose from: irish"),
        (["irish"], ["magic"], ["guess"], "no method 'magic'. Choose from: "),
        (["irish"], ["guess"], ["hot"], "no start 'hot'. Choose from: guess, flat"),
    ],
)
def test_names_that_do_not_exist(sets: list[str], names: list[str], inits: list[str], message: str) -> None:
    with pytest.raises(CharlocError, match=message):
        jobs.plan(sets, names, inits=inits)


def test_the_real_registry_can_be_planned() -> None:
    for job in jobs.plan(jobs.SETS, list(METHODS)):
        assert job.kin is None or job.kin.method in METHODS


def test_what_is_finished_is_not_run_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "results.jsonl"
    fake, kin = jobs.plan(["fraktur"], ["fake", "fake_kin"])
    assert jobs.read(path) == {}
    assert jobs.unfinished([kin], {}, tmp_path) == [fake, kin]  # it needs what the other learns
    assert jobs.unfinished([kin, fake], {}, tmp_path) == [fake, kin]
    jobs.append(path, {"key": fake.key, "error": "no room"})
    jobs.append(path, {"key": fake.key, "revision": "1", "corrected": {}})
    jobs.append(path, {"key": kin.key, "error": "no room"})
    with path.open("a") as file:
        file.write('{"key": "cut o')
    results = jobs.read(path)
    assert results[fake.key] == {"key": fake.key, "revision": "1", "corrected": {}}
    assert jobs.unfinished([fake], results, tmp_path) == []
    assert jobs.unfinished([fake], results, tmp_path, again=True) == [fake]
    (tmp_path / fake.key).mkdir()
    assert jobs.unfinished([fake, kin], results, tmp_path) == [kin]
    assert jobs.unfinished([fake, kin], results, tmp_path, again=True) == [fake, kin]
    (quick,) = jobs.plan(["fraktur"], ["fake"], corrections=False)
    assert jobs.unfinished([quick], {fake.key: {}}, tmp_path) == []
    assert jobs.unfinished([fake], {fake.key: {}}, tmp_path) == [fake]


# --- one job ----------------------------------------------------------------------------------------------------------


def test_a_job_without_corrections_ends_after_the_first_score(rendered: Set, tmp_path: Path) -> None:
    (quick,) = jobs.plan(["fraktur"], ["fake"], corrections=False)
    record: Record = {}
    _one_job.run(quick, rendered, tmp_path, record)
    assert "corrected" not in record
    assert "corrected" not in line({**record, "seconds": 1.0})
    assert "| fake | 0 |" in tables([quick], {quick.key: {**record, "key": quick.key, "date": "d", "revision": "r"}})


def test_a_job_is_scored_before_and_after_corrections(rendered: Set, tmp_path: Path) -> None:
    fake, kin = jobs.plan(["fraktur"], ["fake", "fake_kin"])
    record: Record = {}
    _one_job.run(fake, rendered, tmp_path, record)
    assert record["words"] == 40 and record["torch"]
    zero, more = record["zero"], record["corrected"]
    assert zero["chars"] == more["chars"] == sum(len(each.characters) for each in rendered.words)
    assert zero["words_per_s"] > 0 and more["train_s"] >= zero["train_s"] >= 0
    assert more["asked"]["words"] == 1
    assert more["asked"]["characters"] == more["asked"]["chars"]
    assert more["others_before"]["words"] == more["others_after"]["words"] == 39
    assert more["others_control"] == more["others_after"]  # the fake does not learn from pins
    assert json.loads(json.dumps(record)) == record

    found = _one_job.kept_by(tmp_path / fake.key, "fake")
    assert found.learned is not None and float(found.learned.tensors["shift_px"]) == 2.0  # both rounds, no correction
    read: Record = {}
    _one_job.run(kin, rendered, tmp_path, read)
    assert read["zero"]["r50"] == zero["r50"]
    assert read["zero"]["train_s"] == zero["train_s"]
    assert read["corrected"]["r50"] == more["r50"]  # one round from what was read


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    empty = Localization(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), -2.0, "fake")
    found = [sure(0.5, 0.25), empty, sure(1)]
    learned = Checkpoint({"shift_px": np.asarray(4.0)}, {"method": "fake"})
    _one_job.keep(tmp_path / "it", "fake", _one_job.Found(found, learned, 1.0, 7.5))
    back = _one_job.kept_by(tmp_path / "it", "fake")
    assert [each.boxes.tolist() for each in back.localizations] == [each.boxes.tolist() for each in found]
    assert [each.confidence.tolist() for each in back.localizations] == [each.confidence.tolist() for each in found]
    assert [each.score for each in back.localizations] == [0.0, -2.0, 0.0]
    assert back.train_s == 7.5 and make("fake", back.learned).checkpoint().tensors["shift_px"] == 4.0


def test_a_job_that_fails_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, rendered: Set, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*arguments: object) -> None:
        raise ZeroDivisionError("by the test")

    monkeypatch.setattr(_one_job, "load", lambda name, most: rendered)
    monkeypatch.setattr(_one_job, "correct", fail)
    (job,) = jobs.plan(["fraktur"], ["fake"])
    out = tmp_path / "result.json"
    assert _one_job.main([job.to_json(), str(out), str(tmp_path)]) == 1
    record = json.loads(out.read_text())
    assert record["error"] == "ZeroDivisionError: by the test"
    assert record["zero"]["words"] == 40 and "corrected" not in record
    assert "fraktur fake: learn 0/4 (round 2)" in capsys.readouterr().err


# --- all jobs ---------------------------------------------------------------------------------------------------------


def scored(r50: float | None, word50: float = 0.5) -> Record:
    return {"r50": r50, "word50": word50, "pck25": 0.9, "pck10": 0.8, "dx_med": 0.01, "dy_med": None,
            "words_per_s": 123.4, "train_s": 56.7}  # fmt: skip


def result(job: Job, r50: float, **more: object) -> Record:
    after = {
        **scored(r50 + 0.04),
        "asked": {"words": 2, "characters": 9, "r50": 0.75},
        "others_before": {"r50": r50, "word50": 0.5},
        "others_control": {"r50": r50 + 0.01, "word50": 0.5},
        "others_after": {"r50": r50 + 0.03, "word50": 0.6},
    }
    head = {"key": job.key, **asdict(job), "jobs": 2, "date": "2026-01-02", "revision": "abc", "torch": "2.0"}
    return {**head, "words": 1200, "zero": scored(r50), "corrected": after, **more}


def bench_methods(arguments: list[str]) -> None:
    """`bench methods` on a thread of its own: the browser tests leave an event loop running on this one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(methods.main, arguments).result()


def test_one_that_fails_does_not_end_the_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[str] = []

    async def run(job: Job, kept: Path) -> Record:
        ran.append(job.label)
        return {"error": "no room"} if job.method == "fake" else result(job, 0.75)

    monkeypatch.setattr(methods, "_run", run)
    monkeypatch.setattr(methods, "data_folder", lambda: tmp_path)
    monkeypatch.setattr(methods, "KEPT", tmp_path)
    results = tmp_path / "results.jsonl"
    arguments = ["--sets", "fraktur", "--methods", "guess,fake,fake_kin", "--results", str(results)]
    with pytest.raises(CharlocError, match="Failed: fake on fraktur; fake_kin on fraktur"):
        bench_methods(arguments)
    assert sorted(ran) == ["fake", "guess"]
    said = capsys.readouterr()
    assert "fraktur guess: r50 0.7500, corrected 0.7900" in said.err
    assert "fake, which it starts from, failed" in said.err
    assert "| fake | 0 | failed |" in said.out
    ran.clear()
    bench_methods([*arguments[:3], "guess", *arguments[4:]])
    assert ran == []
    bench_methods([*arguments[:3], "guess", *arguments[4:], "--again"])
    assert ran == ["guess"]


# --- tables, page, picture --------------------------------------------------------------------------------------------


def test_the_tables() -> None:
    guess, fake, kin, flat = jobs.plan(["irish"], ["guess", "fake", "fake_kin"])[:4]
    other = Job("fraktur", "guess")
    results = {
        guess.key: result(guess, 0.5),
        other.key: result(other, 0.25, date="2026-01-01", revision="def"),
        fake.key: result(fake, 0.75),
        flat.key: {"key": flat.key, "error": "no room", "date": "2026-01-03"},
    }
    half = result(kin, 0.25)
    del half["corrected"]
    results[kin.key] = {**half, "error": "no room"}
    asked = [other, guess, fake, flat, kin]
    text = tables([*asked, Job("fraktur", "fake")], results)
    rows = text.splitlines()
    assert "| method | fraktur | irish |" in rows
    assert "| guess | **0.2500** (0.5000) | 0.5000 (0.5000) |" in rows
    assert "| fake |  | **0.7500** (0.5000) |" in rows
    assert "### irish, 1,200 words" in rows
    assert "| fake | 0 | 0.7500 | 0.5000 | 0.9000 | 0.8000 | 0.0100 |  | 123 | 57 |" in rows
    assert "|  | 2 % | 0.7900 | 0.5000 | 0.9000 | 0.8000 | 0.0100 |  | 123 | 57 |" in rows
    assert f"| {flat.label} | 0 | failed |  |  |  |  |  |  |  |" in rows
    assert f"| {kin.label} | 0 | 0.2500 | 0.5000 | 0.9000 | 0.8000 | 0.0100 |  | 123 | 57 |" in rows
    assert "|  | 2 % | failed |  |  |  |  |  |  |  |" in rows
    assert "| fake | 2 | 25.0% | 0.7500 (0.5000) | 0.7600 (0.5000) | 0.7800 (0.6000) |" in rows
    assert rows[-1].startswith("Measured 2026-01-01 to 2026-01-03, revision def, abc, torch 2.0,")
    assert [job.label for job in ranked(asked[1:], results)] == ["fake", "guess", kin.label, flat.label]
    tables_of = [line for line in rows if line.startswith("|")]
    assert all(line.count("|") in (4, 7, 11) for line in tables_of)
    assert tables(asked, {}) == "There are no results yet."


def test_only_what_stands_between_the_markers_is_replaced() -> None:
    page = f"# Page\n\nProse.\n\n{BEGIN}\nold\n{END}\n\nMore prose.\n"
    once = between_markers(page, "| new |\n")
    assert once == f"# Page\n\nProse.\n\n{BEGIN}\n\n| new |\n\n{END}\n\nMore prose.\n"
    assert between_markers(once, "| new |") == once
    for wrong in ("nothing", f"{BEGIN} only", f"{END}{BEGIN}", f"{BEGIN}{END}{BEGIN}{END}"):
        with pytest.raises(CharlocError, match="needs one"):
            between_markers(wrong, "new")


def test_the_page_there_is_can_be_written() -> None:
    assert "| new |" in between_markers(methods.PAGE.read_text("utf-8"), "| new |")


def test_the_picture(tmp_path: Path) -> None:
    asked = jobs.plan(jobs.SETS, ["guess", "fake", "fake_kin"])
    results = {job.key: result(job, 0.2 + i / 20) for i, job in enumerate(asked)}
    results[asked[1].key] = {"key": asked[1].key, "error": "no room"}
    for name in ("one.svg", "other.svg"):
        plot(asked, results, tmp_path / "new" / name)
    one, other = ((tmp_path / "new" / name).read_bytes() for name in ("one.svg", "other.svg"))
    assert one == other and len(one) < 100_000
    for part in (b"rendered_hard", b"fake, flat start", b"failed", b"2 % of the words corrected"):
        assert part in one
    plot(asked, {}, tmp_path / "none.svg")
