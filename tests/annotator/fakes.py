"""What rounds of the fake method are asked for and tell: for the tests of rounds."""

from __future__ import annotations

from uuid import uuid4

from db import CharacterMark, Correction, NewCorrection, Store
from tests import fake_method

WORDS = 12


def correct(store: Store, word_id: int, *boxes: tuple[float, float, float, float] | None) -> Correction:
    """Pin the first characters of a word; None leaves one untouched."""
    (word,) = store.words([word_id])
    marks = [CharacterMark("pinned", box) if box else CharacterMark("untouched") for box in boxes]
    marks += [CharacterMark("untouched")] * (len(word.characters) - len(marks))
    in_force = store.corrections_in_force([word_id]).get(word_id)
    base = in_force.id if in_force else None
    return store.save_correction(NewCorrection(word_id, str(uuid4()), "boxes", tuple(marks), base_id=base))


def stop_at(phase: str, done: int, error: type[BaseException] = KeyboardInterrupt) -> fake_method.Progress:
    def progress(now: str, count: int, total: int) -> None:
        if (now, count) == (phase, done):
            raise error("stopped by the test")

    return progress


def x0(store: Store, round_id: int, word_id: int) -> float:
    return float(store.proposals(round_id, [word_id])[word_id].boxes[0, 0])


def believed() -> list[str]:
    """The methods whose boxes each M-step was given, M-step by M-step."""
    return ["+".join(sorted({each.method for each in step.localizations})) for step in fake_method.M_STEPS]
