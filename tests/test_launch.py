"""The command line: the whole loop without a browser, and what people are told when something is wrong."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

import pytest

import launch
from charloc.methods import METHODS
from charloc.metrics import scores, word_errors
from charloc.synth import render_set

ROOT = Path(__file__).resolve().parent.parent
WORDS = 24


def charloc(*arguments: object, timeout_s: float = 300) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own, as a person does."""
    command = [sys.executable, str(ROOT / "launch.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)


def assert_fails(done: subprocess.CompletedProcess[str], message: str, status: int = 1) -> None:
    assert done.returncode == status, done.stdout + done.stderr
    assert re.search(message, done.stderr), done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert "not expected" not in done.stderr


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pairs, one of them with an empty transcript; the true boxes lie beside it."""
    folder = tmp_path_factory.mktemp("source")
    truth = {}
    for index, rendered in enumerate(render_set(WORDS, seed=5, hard=False)):
        word = rendered.source_word(f"{index:03}.png")
        (folder / word.name).write_bytes(word.image)
        (folder / f"{index:03}.gt.txt").write_text(word.text, "utf-8")
        truth[word.name] = {"text": word.text, "boxes": word.boxes}
    (folder / "bad.png").write_bytes((folder / "000.png").read_bytes())
    (folder / "bad.gt.txt").write_text("", "utf-8")
    (folder / "truth.json").write_text(json.dumps(truth))
    return folder


@pytest.fixture(scope="module")
def project(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project into which the folder was imported."""
    folder = tmp_path_factory.mktemp("work") / "project"
    done = charloc("import", source, "--project", folder)
    assert done.returncode == 0, done.stderr
    assert f"{WORDS} words added, 0 were there already, 1 rejected" in done.stdout
    assert "bad" in done.stderr
    assert "bad" in (folder / "rejected.tsv").read_text()
    return folder


def test_the_whole_loop(project: Path, source: Path, tmp_path: Path) -> None:
    assert f"{WORDS} were there already" in charloc("import", source, "--project", project).stdout
    guessed = charloc("guess", "--project", project)
    assert guessed.returncode == 0, guessed.stderr
    assert f"Round 0 (guess): {WORDS} words" in guessed.stdout
    trained = charloc("train", "--project", project, "--rounds", 2, "--method", "guess")
    assert trained.returncode == 0, trained.stderr
    assert [line.split(":")[0] for line in trained.stdout.splitlines()] == ["Round 1 (guess)", "Round 2 (guess)"]
    status = charloc("status", "--project", project)
    assert f"{WORDS} words, 0 of them corrected" in status.stdout
    assert "Round 2 (guess)" in status.stdout

    out = tmp_path / "out.jsonl"
    assert f"{WORDS} words written" in charloc("export", "--project", project, "--out", out).stdout
    rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    truth = json.loads((source / "truth.json").read_text())
    assert {row["image"] for row in rows} == truth.keys()
    for row in rows:
        assert row["text"] == truth[row["image"]]["text"]
        assert len(row["boxes"]) == len(row["text"])
        assert row["round"] == 2
    errors = [word_errors(truth[row["image"]]["boxes"], row["boxes"]) for row in rows]
    assert scores(errors).r50 > 0.8
    boxes = charloc("export", "--project", project, "--format", "box", "--out", tmp_path / "out.box", "--quiet")
    assert (boxes.returncode, boxes.stdout) == (0, "")
    assert (tmp_path / "out.box").read_text("utf-8")


@pytest.mark.parametrize(
    ("command", "message", "status"),
    [
        ("guess --project {none}", "no project in .*none", 1),
        ("train --project {none}", "no project in .*none", 1),
        ("status --project {none}", "no project in .*none", 1),
        ("annotate --project {none}", "no project in .*none", 1),
        ("train --project {project} --method magic", "no method 'magic'. Choose one of: guess", 1),
        ("train --project {project} --method guess --set a=1", "'guess' has no setting 'a'", 1),
        ("train --project {project} --set a", "expected KEY=VALUE", 1),
        ("train -p {project} --method segmental --set temper=warm", "'temper' .* is 'warm'; expected a number", 1),
        ("train -p {project} --method segmental --set seed=1.5", "'seed' .* is 1.5; expected a whole number", 1),
        ("train -p {project} --method segmental --set fresh=1", "no setting 'fresh'. It has: temper, seed", 1),
        ("train --project {project} --init round", "--init", 2),
        ("train --project {project} --rounds 0", "--rounds", 2),
        ("train --project {project} --start {none}", "no checkpoint in .*none", 1),
        ("pretrain", "--out", 2),
        ("pretrain --out {broken}", "holds other things", 1),
        ("pretrain --out {empty}/new --fonts {none}", "no folder .*none", 1),
        ("pretrain --out {empty}/new --alphabet abc", "3 different characters are too few", 1),
        ("pretrain --out {empty}/new --project {none}", "no project in .*none", 1),
        ("pretrain --out {empty}/new --alphabet abcdefghijkl --device nonsense", "cannot compute on nonsense", 1),
        ("pretrain --out {empty}/new --more letters", "Name its folder too: --start", 1),
        ("pretrain --out {empty}/new --kept 0.5", "--kept .* add --more letters", 1),
        ("pretrain --out {empty}/new --more inks", "not one of .*letters.*ink", 2),
        ("import {empty} --project {empty}/new", "nothing to import", 1),
        ("import {none} --project {empty}/new", "none' does not exist", 2),
        ("export --project {project} --format pdf --out x", "pdf", 2),
        ("export --project {broken} --out x", "broken", 1),
        ("status --project {broken}", "broken", 1),
        ("nonsense", "nonsense", 2),
        ("bench nonsense", "no benchmark 'nonsense'", 1),
    ],
)
def test_errors_are_for_people(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, message: str, status: int
) -> None:
    for name in ("empty", "broken"):
        (tmp_path / name).mkdir()
    (tmp_path / "broken" / "charloc.db").write_text("not a database, and long enough to be looked at" * 100)
    places = {name: tmp_path / name for name in ("none", "empty", "broken")} | {"project": project}
    arguments = [part.format(**places) for part in command.split()]
    assert launch.main(arguments) == status
    said = capsys.readouterr()
    assert re.search(message, said.err), said.err
    assert "Traceback" not in said.err + said.out
    assert "not expected" not in said.err


def test_an_unexpected_error_is_said_in_one_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], project: Path
) -> None:
    def fail(*arguments: object) -> None:
        raise ZeroDivisionError("by the test")

    monkeypatch.setattr("annotator.terminal.show_status", fail)
    assert launch.main(["status", "--project", str(project)]) == 1
    said = capsys.readouterr().err
    assert "ZeroDivisionError('by the test'), which was not expected" in said
    assert "Traceback" not in said
    details = Path(said.split("details in ")[1].strip())
    assert "ZeroDivisionError: by the test" in details.read_text()
    details.unlink()


def test_ctrl_c_is_a_message_and_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], project: Path
) -> None:
    def stop(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("annotator.terminal.show_status", stop)
    assert launch.main(["status", "--project", str(project)]) == 130
    assert "Stopped" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "means"),
    [([], ["annotate"]), (["--demo"], ["annotate", "--demo"]), (["--help"], ["--help"]), (["status"], ["status"])],
)
def test_annotate_is_the_default(
    monkeypatch: pytest.MonkeyPatch, arguments: Sequence[str], means: Sequence[str]
) -> None:
    seen: list[list[str]] = []
    monkeypatch.setattr(launch, "app", seen.append)
    assert launch.main(list(arguments)) == 0
    assert seen == [list(means)]


def test_train_names_every_method(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert launch.main(["train", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert f"One of: {', '.join(METHODS)}." in said
    assert re.search(r"--init .?guess\|flat\|pretrained", said)
    assert launch.main(["train", "--project", str(project), "--method", "magic"]) == 1
    assert f"Choose one of: {', '.join(METHODS)}." in capsys.readouterr().err


def test_rounds_after_a_flat_start_go_on_from_it(monkeypatch: pytest.MonkeyPatch, project: Path) -> None:
    asked: list[dict[str, object]] = []

    def remember(store: object, folder: Path, method: str, progress: object, **options: object) -> None:
        asked.append({"method": method, **options})

    monkeypatch.setattr("annotator.rounds.run_round", remember)
    for init, fresh in (("flat", [True, False, False]), ("guess", [True, True, True])):
        asked.clear()
        arguments = ["train", "--project", str(project), "--rounds", "3", "--init", init, "--fresh", "--quiet"]
        assert launch.main([*arguments, "--set", "temper=0.1"]) == 0
        assert [each["fresh"] for each in asked] == fresh
        assert {each["init"] for each in asked} == {init}
        assert asked[0]["settings"] == {"temper": 0.1}


def test_settings_are_json_where_they_can_be() -> None:
    read = launch._settings(["steps=4", "rate=1e-3", "name=big", "on=true", "sizes=[1, 2]", "empty="])
    assert read == {"steps": 4, "rate": 1e-3, "name": "big", "on": True, "sizes": [1, 2], "empty": ""}


def test_version() -> None:
    assert charloc("version").stdout.startswith("charloc")


def test_bench_runs_what_is_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "tests" / "bench").mkdir(parents=True)
    (tmp_path / "tests" / "bench" / "fast.py").write_text(
        "from pathlib import Path\ndef main(argv): Path(argv[0]).write_text(argv[1])\n"
    )
    monkeypatch.setattr(launch, "HERE", tmp_path)
    assert launch.main(["bench", "fast", str(tmp_path / "seen"), "--quick"]) == 0
    assert (tmp_path / "seen").read_text() == "--quick"


def test_bench_all_leaves_out_what_takes_hours(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = {path.stem for path in (launch.HERE / "tests" / "bench").glob("[!_]*.py")}
    assert there > set(launch.LONG_BENCHES)
    (tmp_path / "tests" / "bench").mkdir(parents=True)
    for name in ("fast", *launch.LONG_BENCHES):
        (tmp_path / "tests" / "bench" / f"{name}.py").write_text(f"def main(argv): print('ran {name}')\n")
    monkeypatch.setattr(launch, "HERE", tmp_path)
    for asked, ran in (("all", ["fast"]), ("methods", ["methods"])):
        assert launch.main(["bench", asked]) == 0
        assert capsys.readouterr().out.splitlines() == [f"ran {name}" for name in ran]
    assert launch.main(["bench", "--help"]) == 0
    assert "methods and disagreement" in " ".join(capsys.readouterr().out.split())


def test_annotate_says_when_it_is_ready_and_guesses_meanwhile(source: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    assert charloc("import", source, "--project", project, "--quiet").returncode == 0
    command = [sys.executable, str(ROOT / "launch.py"), "annotate", "--project", str(project), "--no-browser"]
    with ExitStack() as taken:
        with suppress(OSError):  # somebody else may have it: as good
            taken.enter_context(socket.create_server(("127.0.0.1", launch.FIRST_PORT)))
        # Where the tests run in the background, Ctrl-C is ignored, and what they start inherits that.
        listens = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
        server = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=listens
        )
        try:
            assert server.stdout is not None
            said = server.stdout.readline()
            address = said.partition("ready: ")[2].strip()
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address), said + server.communicate()[1]
            port = address.rstrip("/").rpartition(":")[2]
            assert port != str(launch.FIRST_PORT)
            assert_fails(charloc("annotate", "--project", project, "--port", port, "--no-browser"), f"{port} is in use")
            assert first_guess(address)["words"] == WORDS
        finally:
            server.send_signal(signal.SIGINT)
            _, errors = server.communicate(timeout=60)
    assert server.returncode == 130
    assert "Traceback" not in errors
    assert "Stopped" in errors


def first_guess(address: str) -> dict[str, object]:
    """The newest round, as soon as there is one."""
    until_s = time.monotonic() + 300  # on a busy machine that has to compile everything first
    while time.monotonic() < until_s:
        with urllib.request.urlopen(f"{address}api/status", timeout=60) as answer:
            status = json.load(answer)
        if status["newest"]:
            return status["newest"]
        time.sleep(0.1)  # another process makes it: there is nothing to wait on
    raise AssertionError(status)
