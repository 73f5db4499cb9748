"""A method that learns one number and needs no torch: for tests of what happens around a method.

It cuts a word into equal slices and moves them right by what it learned: `shift` px for every M-step.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from charloc import checkpoint as on_disk
from charloc.methods import METHODS, Checkpoint, Entry, Progress, silent
from charloc.types import Localization, Pins, SourceWord, TrainingSet, WordImage

STEPS = 4
FAKES = {"fake": "Fake", "guess": "FakeGuess", "pretrained": "FakePretrained"}
M_STEPS: list[TrainingSet] = []
"""Every training set an M-step in this process was given."""


class Fake:
    name = "fake"
    learns = True
    honours_pins = True

    def __init__(self, checkpoint: Checkpoint | None = None, *, shift: float = 1.0) -> None:
        self.each_px = shift
        self.shift_px = float(checkpoint.tensors["shift_px"]) if checkpoint else 0.0

    def m_step(self, training: TrainingSet, progress: Progress = silent) -> Mapping[str, float]:
        M_STEPS.append(training)
        for step in range(STEPS):
            progress("learn", step, STEPS)
        progress("learn", STEPS, STEPS)
        self.shift_px += self.each_px
        return {"loss": 1.0 / self.shift_px}

    def e_step(
        self, words: Sequence[WordImage], pins: Sequence[Pins], progress: Progress = silent
    ) -> list[Localization]:
        found = []
        for index, (word, facts) in enumerate(zip(words, pins, strict=True)):
            progress("localize", index, len(words))
            found.append(even(word, facts, self.shift_px, self.name))
        progress("localize", len(words), len(words))
        return found

    def checkpoint(self) -> Checkpoint:
        return Checkpoint({"shift_px": np.asarray(self.shift_px)}, {"method": self.name, "shift": self.each_px})


class FakeGuess(Fake):
    """Stands in for the first guess: the slices, not moved."""

    name = "guess"
    learns = False


class FakePretrained(FakeGuess):
    """Stands in for what learned elsewhere: the slices, moved by what stands in the folder `start`, if there is one."""

    name = "pretrained"

    def __init__(self, checkpoint: Checkpoint | None = None, *, start: str = "") -> None:
        super().__init__(on_disk.read(Path(start)) if start else None)


class Nephew(Fake):
    """Starts from what its kin learned, too."""

    name = "nephew"


def even(word: WordImage, facts: Pins = (), shift_px: float = 0.0, method: str = "fake") -> Localization:
    """Slices of equal width over the whole image; pinned characters where they are pinned."""
    height, width = word.pixels.shape
    count = len(word.characters)
    edges = np.linspace(0, width, count + 1) + shift_px
    boxes = np.stack([edges[:-1], np.zeros(count), edges[1:], np.full(count, height)], 1).astype(np.float32)
    confidence = np.full(count, 0.5, np.float32)
    for pin in facts:
        boxes[pin.index] = np.nan if pin.box is None else pin.box
        confidence[pin.index] = 1.0
    return Localization(boxes, confidence, -float(count), method)


def register() -> None:
    """Make `METHODS` know the fakes, in this process."""
    for name, cls in FAKES.items():
        METHODS[name] = Entry("tests.fake_method", cls, name == "fake", "for tests")


def words(count: int, start: int = 0) -> Iterator[tuple[SourceWord, int, int, str]]:
    """Items for `Store.add_words`: images that differ, 30 px a character wide, 20 px high."""
    for index in range(start, start + count):
        text = "abcdefgh"[: 2 + index % 4]
        pixels = np.full((20, 30 * len(text)), 255, np.uint8)
        pixels[5:15, 3 : 3 + index % 20 + 1] = index % 200
        pixels[0, 0], pixels[0, 1] = index // 256, index % 256
        pixels[16:18] = 128  # grey: a picture in black and white would have rims
        data = io.BytesIO()
        Image.fromarray(pixels).save(data, "PNG")
        yield SourceWord(f"word{index}.png", data.getvalue(), text), pixels.shape[1], pixels.shape[0], "image/png"
