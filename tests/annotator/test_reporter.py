"""What a running round tells the store, and when."""

from __future__ import annotations

import threading

import pytest

from annotator import reporter
from annotator.reporter import Reporter, RoundCancelled, RoundPaused
from db import RoundLost, Wish


class Listener:
    """Stands in for the store: keeps what it is told; says that the round is lost, or to be stopped."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int, int]] = []
        self.again = threading.Event()
        self.wish: Wish | None = None
        self.lost = False

    def progress(self, round_id: int, phase: str, done: int, total: int) -> Wish | None:
        self.told.append((phase, done, total))
        if len(self.told) > 1:
            self.again.set()
        if self.lost:
            raise RoundLost("taken over")
        return self.wish


def test_every_call_is_shown_but_few_are_stored() -> None:
    shown, store = [], Listener()
    report = Reporter(store, 1, lambda *progress: shown.append(progress))
    for done in range(101):
        report("learn", done, 100)
    report("localize", 0, 9)
    assert len(shown) == 102
    assert store.told[0] == ("learn", 0, 100)
    assert ("learn", 100, 100) in store.told
    assert store.told[-1] == ("localize", 0, 9)
    assert len(store.told) < 50


def test_silence_is_no_death(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporter, "HEARTBEAT_S", 0.01)
    store = Listener()
    with Reporter(store, 1, lambda *progress: None) as report:
        report("learn", 3, 100)
        assert store.again.wait(30)
    assert set(store.told) == {("learn", 3, 100)}
    assert not any("heartbeat" in each.name for each in threading.enumerate())


def test_a_lost_round_is_worked_on_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporter, "HEARTBEAT_S", 0.01)
    store = Listener()
    store.lost = True
    with Reporter(store, 1, lambda *progress: None) as report, pytest.raises(RoundLost):
        report("learn", 3, 100)


@pytest.mark.parametrize(("wish", "error"), [("cancel", RoundCancelled), ("pause", RoundPaused)])
def test_a_round_stops_with_its_next_word(wish: Wish, error: type[BaseException]) -> None:
    store = Listener()
    report = Reporter(store, 1, lambda *progress: None)
    report("learn", 0, 100)
    store.wish = wish
    with pytest.raises(error):
        report("learn", 100, 100)
