"""One process, many who ask: order, supersession, death, and what is said meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from annotator import aligner as module
from annotator.aligner import Aligner, NotReady, Superseded
from charloc.types import CharlocError
from tests.annotator.led_aligner import ASKED, WAIT_S, Led, until


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def led() -> Iterator[Led]:
    led = Led()
    yield led
    led.close()


@pytest.fixture
def ready(led: Led, clock: Clock) -> Led:
    """One that has loaded a round."""
    with pytest.raises(NotReady, match="starting"):
        led.aligner.solve("me", 0, ASKED)
    request = led.process.asked()
    assert (request["do"], request["round_id"]) == ("load", 1)
    led.process.answer(request, round_id=1)
    until(lambda: led.aligner.ready)
    return led


def ended(led: Led) -> None:
    """Wait until the aligner has noticed that its process ended."""
    until(lambda: led.aligner._process is None)


def until_waiting(led: Led, count: int) -> None:
    """Wait until so many requests wait for their turn."""
    until(lambda: len(led.aligner._waiting) == count)


def test_nothing_is_started_before_it_is_asked(led: Led) -> None:
    assert led.processes == []
    assert not led.aligner.ready


def test_an_answer_goes_to_who_asked(ready: Led) -> None:
    asked = ready.ask()
    request = ready.process.asked()
    assert request == {**ASKED, "do": "solve", "id": request["id"]}
    ready.process.answer(request, boxes=[[1, 2, 3, 4]], round_id=1)
    assert asked.result(WAIT_S)["boxes"] == [[1, 2, 3, 4]]
    assert len(ready.processes) == 1


def test_what_cannot_be_done_is_said(ready: Led) -> None:
    refused = ready.ask()
    ready.process.answer(ready.process.asked(), refused="Move one of the two boxes.")
    with pytest.raises(CharlocError, match="Move one"):
        refused.result(WAIT_S)
    failed = ready.ask()
    ready.process.answer(ready.process.asked(), failed="ZeroDivisionError()")
    with pytest.raises(NotReady, match=r"aligner\.log"):
        failed.result(WAIT_S)


def test_a_newer_step_of_the_same_page_takes_the_place_of_one_that_waits(ready: Led) -> None:
    first = ready.ask("page 1", 1)
    running = ready.process.asked()
    second = ready.ask("page 1", 2)
    until_waiting(ready, 1)
    other = ready.ask("page 2", 7)
    until_waiting(ready, 2)
    third = ready.ask("page 1", 3, characters=["b"])
    with pytest.raises(Superseded):
        second.result(WAIT_S)
    with pytest.raises(Superseded):  # it came late
        ready.ask("page 1", 2).result(WAIT_S)
    assert ready.process.idle  # one at a time
    ready.process.answer(running, n=1)
    assert first.result(WAIT_S)["n"] == 1
    # The newer one has its place, before the other page's.
    request = ready.process.asked()
    assert request["characters"] == ["b"]
    ready.process.answer(request, n=3)
    assert third.result(WAIT_S)["n"] == 3
    ready.process.answer(ready.process.asked(), n=4)
    assert other.result(WAIT_S)["n"] == 4


def test_not_more_wait_than_the_server_has_threads_for(ready: Led) -> None:
    asked = [ready.ask("running")]
    running = ready.process.asked()
    asked += [ready.ask(f"page {i}") for i in range(module.MOST_WAITING)]
    until_waiting(ready, module.MOST_WAITING)
    with pytest.raises(NotReady, match="Too many"):
        ready.aligner.solve("one more", 0, ASKED)
    ready.process.answer(running)
    for _ in range(module.MOST_WAITING):
        ready.process.answer(ready.process.asked())
    for each in asked:
        each.result(WAIT_S)


def test_words_are_made_ready_while_nobody_waits(ready: Led) -> None:
    solving = ready.ask()
    running = ready.process.asked()
    for key in range(module.MOST_AHEAD + 2):
        ready.aligner.warm(key, {**ASKED, "characters": [str(key)]})
    ready.aligner.warm(5, {**ASKED, "characters": ["5 again"]})
    waits = ready.ask("another")
    until_waiting(ready, 1)
    ready.process.answer(running)
    request = ready.process.asked()
    assert request["do"] == "solve"
    ready.process.answer(request)
    order = []
    for _ in range(module.MOST_AHEAD):
        request = ready.process.asked()
        order.append(request["characters"][0])
        assert request["do"] == "warm"
        ready.process.answer(request)
    assert order[:2] == ["5 again", str(module.MOST_AHEAD + 1)]
    assert len(set(order)) == module.MOST_AHEAD and "0" not in order
    solving.result(WAIT_S), waits.result(WAIT_S)


def test_it_is_started_again_after_its_death_but_not_at_once(ready: Led, clock: Clock) -> None:
    clock.now_s += 1000
    asked = [ready.ask("running")]
    ready.process.asked()
    asked.append(ready.ask("waiting"))
    until_waiting(ready, 1)
    ready.process.die(b'{"id": 2, "bo')
    for each in asked:
        with pytest.raises(NotReady, match="started again"):
            each.result(WAIT_S)
    for count, pause_s in ((2, 1), (3, 2), (4, 4)):
        with pytest.raises(NotReady, match="starting"):
            ready.aligner.solve("me", 0, ASKED)
        assert len(ready.processes) == count
        ready.process.asked()
        ready.process.die()
        ended(ready)
        with pytest.raises(NotReady, match="started again"):
            ready.aligner.solve("me", 0, ASKED)
        assert len(ready.processes) == count
        clock.now_s += pause_s
    with pytest.raises(NotReady, match="starting"):
        ready.aligner.solve("me", 0, ASKED)
    ready.process.answer(ready.process.asked(), round_id=1)
    until(lambda: ready.aligner.ready)


@pytest.mark.parametrize(
    "line",
    [b"Segmentation fault\n", b"\xff\xfe\x00\n", b"[1, 2]\n", b"{}\n", b'{"id": 7777, "boxes": []}\n', b"\n"],
)
def test_a_garbled_line_is_a_death(ready: Led, clock: Clock, line: bytes) -> None:
    first = ready.process
    asked = ready.ask("running")
    first.asked()
    first.says(line)
    with pytest.raises(NotReady, match="started again"):
        asked.result(WAIT_S)
    ended(ready)
    assert first.killed
    with pytest.raises(NotReady, match="started again"):  # not at once
        ready.aligner.solve("me", 0, ASKED)
    clock.now_s += module.FIRST_PAUSE_S
    with pytest.raises(NotReady, match="starting"):
        ready.aligner.solve("me", 0, ASKED)
    ready.process.answer(ready.process.asked(), round_id=1)
    until(lambda: ready.aligner.ready)
    again = ready.ask()
    ready.process.answer(ready.process.asked(), n=1)
    assert again.result(WAIT_S)["n"] == 1
    assert len(ready.processes) == 2


def test_a_line_that_nobody_asked_for_is_a_death(ready: Led) -> None:
    ready.process.says(b'{"id": 1, "boxes": []}\n')
    ended(ready)
    assert ready.processes[0].killed


def test_what_keeps_it_from_starting_is_said(led: Led, clock: Clock) -> None:
    led.aligner.warm(1, ASKED)
    led.process.answer(led.process.asked(), refused="The checkpoint is damaged. Put the folder back.")
    ended(led)
    assert led.process.killed
    with pytest.raises(NotReady, match="The checkpoint is damaged"):
        led.aligner.solve("me", 0, ASKED)


def test_a_program_that_cannot_be_run_is_said() -> None:
    def fails(project: Path) -> None:
        raise OSError(12, "Cannot allocate memory")

    aligner = Aligner(Path("nowhere"), fails)  # type: ignore[arg-type]
    with pytest.raises(NotReady, match="Cannot allocate memory"):
        aligner.solve("me", 0, ASKED)
    aligner.close()


def test_nobody_waits_for_ever(ready: Led) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PATIENCE_S", 0.01)
        first = ready.ask("page 1")
        running = ready.process.asked()
        second = ready.ask("page 2")
        for each in (first, second):
            with pytest.raises(NotReady, match="too long"):
                each.result(WAIT_S)
    third = ready.ask("page 3")
    ready.process.answer(running)  # nobody wants it any more
    request = ready.process.asked()
    ready.process.answer(request, n=3)
    assert third.result(WAIT_S)["n"] == 3  # the second one's turn did not come: it had left


def test_one_that_hangs_is_ended(ready: Led, clock: Clock) -> None:
    hung = ready.ask()
    ready.process.asked()
    clock.now_s += module.HUNG_S + 1
    first = ready.process
    ready.aligner.warm(1, ASKED)
    with pytest.raises(NotReady):
        hung.result(WAIT_S)
    assert first.killed


def test_closing_ends_it_and_nothing_is_started_after(ready: Led) -> None:
    process = ready.process
    asked = ready.ask()
    process.asked()
    ready.aligner.close()
    assert process.stdin.closed and not process.killed
    with pytest.raises(NotReady, match="stopping"):
        asked.result(WAIT_S)
    with pytest.raises(NotReady, match="stopping"):
        ready.aligner.solve("me", 0, ASKED)
    assert len(ready.processes) == 1
