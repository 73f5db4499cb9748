"""Brute-force x and y: a two-dimensional net told that every character is at half the height of its word's ink.

First guess and learning of x: `ctc`, all of it. Then y, which CTC does not know, is put where it is wrong for most
characters and far wrong for none: at the vertical mean of the word's ink. A two-dimensional net learns characters at
those places as if that were the truth, in one go: nothing is re-estimated. Where a character is, is said by the same
beam search as in `xy`; its box is the ink between the thinnest places beside its point.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from charloc.descent import Schedule
from charloc.learning_xy import XySample, train_points
from charloc.methods import Checkpoint, Progress, silent
from charloc.methods._learner import NOTHING, steps_and_repeats
from charloc.methods.ctc import Ctc
from charloc.methods.xy import LEAST, MOST, TIMES, Xy
from charloc.places import measure_steps
from charloc.types import CheckpointError, TrainingSet

INNER = "ctc."
"""What the names of the inner method's tensors and settings begin with in a checkpoint."""


class BruteXy(Xy):
    """The method `brute_xy`. See the module's docstring.

    Args:
        checkpoint: of an earlier round, or of `ctc`, whose x is then used as it is; None to start fresh.
        beam: hypotheses kept after each character; as many as there are candidates is exact.
        seed: of everything random in the M-step.
    """

    name = "brute_xy"
    kin = ("ctc",)
    draws_boxes = False

    def __init__(self, checkpoint: Checkpoint | None = None, *, beam: int = 32, seed: int = 0) -> None:
        self.ctc = Ctc(seed=seed)
        super().__init__(checkpoint, beam=beam, seed=seed)

    def m_step(self, training: TrainingSet, progress: Progress = silent) -> Mapping[str, float]:
        learned: dict[str, float] = {}
        if self.ctc.net is None or self.rounds or any(training.pins):
            learned |= {f"ctc_{name}": value for name, value in self.ctc.m_step(training, progress).items()}
        chosen = [i for i in range(len(training.words)) if training.weights[i] > 0]
        charset = self.charset.extended(training.words[i].characters for i in chosen)
        if not len(charset.symbols):
            raise CheckpointError(NOTHING)
        self._grow(charset)
        assert self.net is not None

        def preparing(phase: str, done: int, total: int) -> None:
            progress("prepare", done, total)

        x = self.ctc.e_step(training.words, training.pins, preparing)
        samples = [(letters, level(each)) for letters, each in self._samples(training, x, chosen, progress)]
        self.steps = measure_steps([letters for letters, _ in samples], [each.boxes for _, each in samples])
        steps, shown = steps_and_repeats([each for _, each in samples], TIMES, LEAST, MOST)
        rate = 2e-3 if self.rounds == 0 else 1e-3
        schedule = Schedule(steps, rate, self.seed + self.rounds)
        learned |= train_points(self.net, shown, schedule, progress, with_boxes=False)
        self.rounds += 1
        return learned

    def checkpoint(self) -> Checkpoint:
        own, inner = super().checkpoint(), self.ctc.checkpoint()
        tensors = {**own.tensors, **{INNER + name: each for name, each in inner.tensors.items()}}
        return Checkpoint(tensors, {**own.settings, **{INNER + name: each for name, each in inner.settings.items()}})

    def _restore(self, checkpoint: Checkpoint) -> None:
        if checkpoint.settings.get("method") == "ctc":
            self.ctc = Ctc(checkpoint, seed=self.seed)
            return
        inner = Checkpoint(
            {name.removeprefix(INNER): each for name, each in checkpoint.tensors.items() if name.startswith(INNER)},
            {name.removeprefix(INNER): each for name, each in checkpoint.settings.items() if name.startswith(INNER)},
        )
        own = {name: each for name, each in checkpoint.tensors.items() if not name.startswith(INNER)}
        super()._restore(replace(checkpoint, tensors=own))
        self.ctc = Ctc(inner, seed=self.seed) if inner.settings else self.ctc


def level(sample: XySample) -> XySample:
    """The sample with every box moved up or down to the vertical mean of the word's ink, pinned ones excepted."""
    ink = sample.pixels.astype(np.float64)
    mean = float((ink.sum(axis=1) * (np.arange(len(ink)) + 0.5)).sum() / max(ink.sum(), 1.0))
    boxes = sample.boxes.copy()
    free = ~sample.pinned
    shift = np.float32(mean) - (boxes[free, 1] + boxes[free, 3]) / 2
    boxes[free, 1] += shift
    boxes[free, 3] += shift
    return replace(sample, boxes=boxes)
