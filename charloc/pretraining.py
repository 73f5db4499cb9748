"""Learning from rendered words what `segmental` then starts from: which ink is a word's own, what letters look like."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from charloc.learning_ink import train_ink
from charloc.methods import Checkpoint, Progress, silent
from charloc.methods.segmental import Segmental
from charloc.nets_ink import InkNet
from charloc.synth import Rendered
from charloc.types import Localization, TrainingSet, WordImage

MORE_RATE = 1e-3
"""Peak learning rate where letters are learned on: less than at first, so that little is forgotten on the way."""


def pretrain(
    rendered: Sequence[Rendered], held_out: Sequence[Rendered] = (), *, steps: int, seed: int = 0,
    start: Checkpoint | None = None, more: bool = False, progress: Progress = silent,
) -> Checkpoint:  # fmt: skip
    """What `segmental` learns from rendered words whose boxes are known.

    Args:
        rendered: words of all the alphabet.
        held_out: other words, to find out what confidence is worth; none: it stays uncalibrated.
        steps: batches the net of letters learns from; the net of ink learns from two thirds as many.
        start: made by this before: what it knows stays; learned is only which spans are whole characters and where
            boxes end beyond the spans that the search finds, if it does not know that, and anew what confidence is
            worth.
        more: letters are learned on from there, too; what is known of ink stays.
        progress: called with (phase, done, total); phases: "learn ink", "prepare", "learn", "learn spans", "lay out",
            "learn boxes", "calibrate".

    Returns:
        A checkpoint of `segmental`.
    """
    torch.manual_seed(seed)
    method = Segmental(start, seed=seed)
    sure = [np.ones(len(each.boxes), dtype=np.float32) for each in rendered]
    boxes = [Localization(r.boxes, s, 0.0, "rendered") for r, s in zip(rendered, sure, strict=True)]
    weights = np.ones(len(rendered), dtype=np.float32)
    training = TrainingSet(_words(rendered), boxes, [()] * len(rendered), weights)
    if start is None:
        method.ink = InkNet()
        train_ink(method.ink, rendered, max(2 * steps // 3, 1), seed, progress)
        method.m_step(training, progress, steps, true=True)
        method.knows_spans = True
    elif more:
        method.m_step(training, progress, steps, MORE_RATE, kept=0.0, true=True)
        method.knows_spans = True
    else:
        method.learn_wholes(training, progress, steps)
    method.warm = True
    if start is None or more or not method.taught:
        method.learn_boxes(training, progress, steps)
    if held_out:
        method.calibrate(_words(held_out), [each.boxes for each in held_out], progress)
    return method.checkpoint()


def _words(rendered: Sequence[Rendered]) -> list[WordImage]:
    return [each.word(i) for i, each in enumerate(rendered)]
