"""`launch.py user`: who may log in, from the command line."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import launch
from annotator import user_commands
from db import Store
from tests.db.make import add
from tests.team import PASSWORD, cheap_passwords

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    with cheap_passwords(), Store.open(tmp_path, create=True) as store:
        add(store, "abc")
        yield tmp_path


@pytest.fixture
def run(project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command with something on stdin; returns its status and all it printed."""

    def run(*arguments: str, stdin: str = PASSWORD + "\n") -> tuple[int, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        status = launch.main([*arguments, "--project", str(project)])
        said = capsys.readouterr()
        return status, said.out + said.err

    return run


def test_people_are_added_listed_changed_and_disabled(run: Run, project: Path) -> None:
    assert "Nobody has to log in" in run("user", "list")[1]
    status, said = run("user", "add", "Ada", "--role", "owner")
    assert status == 0 and "From now on every page" in said and PASSWORD not in said
    status, said = run("user", "add", "Ben")
    assert status == 0 and "'Ben' can log in as annotator" in said and "From now on" not in said
    assert run("user", "role", "Ben", "reader") == (0, "'Ben' is reader now.\n")
    assert run("user", "password", "Ben", stdin="another horse\n")[0] == 0
    status, said = run("user", "disable", "Ben")
    assert status == 0 and "user enable" in said
    listed = run("user", "list")[1]
    assert listed.splitlines()[0].startswith("Ada  owner") and "disabled" in listed.splitlines()[1]
    assert run("user", "enable", "Ben")[0] == 0
    with Store.open(project) as store:
        assert store.check_password("Ben", "another horse") is not None
    assert "Ada (owner): 0 words" in run("status")[1]


def test_what_cannot_be_done_is_told(run: Run) -> None:
    assert run("user", "add", "Ben") == (
        1, "Error: The first person of a project has to be an owner, so 'Ben' cannot be annotator.\n",
    )  # fmt: skip
    assert "at least 8 characters" in run("user", "add", "Ada", "--role", "owner", stdin="short\n")[1]
    assert "no password on stdin" in run("user", "add", "Ada", "--role", "owner", stdin="")[1]
    run("user", "add", "Ada", "--role", "owner")
    assert "There are: Ada" in run("user", "password", "Bob")[1]
    assert "only owner" in run("user", "disable", "Ada")[1]
    assert run("user", "role", "Ada", "god")[0] == 2


def test_at_a_terminal_a_password_is_asked_twice(run: Run, monkeypatch: pytest.MonkeyPatch, project: Path) -> None:
    answers = iter([PASSWORD, PASSWORD + "x", PASSWORD, PASSWORD])
    monkeypatch.setattr(user_commands.getpass, "getpass", lambda prompt: next(answers))

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(io, "StringIO", Terminal)
    status, said = run("user", "add", "Ada", "--role", "owner")
    assert status == 1 and "The two passwords differ" in said
    assert run("user", "add", "Ada", "--role", "owner")[0] == 0
    with Store.open(project) as store:
        assert store.check_password("Ada", PASSWORD) is not None
