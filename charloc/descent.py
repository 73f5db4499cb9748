"""Learning from samples batch by batch, whatever the net and its losses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

BATCH = 32


class Shown(Protocol):
    """What batches are made of: a view, shown `repeat` times per epoch."""

    @property
    def pixels(self) -> NDArray[np.uint8]: ...
    @property
    def repeat(self) -> int: ...


Item = TypeVar("Item", bound=Shown)
Losses = Callable[[list[Item], np.random.Generator], Sequence[Tensor]]
"""Of a batch, what is to become smaller: the sum of these."""


@dataclass(frozen=True, slots=True, eq=False)
class Schedule:
    """How long and how fast to learn: `steps` batches, a one-cycle rate that peaks at `peak_rate`, a `seed`."""

    steps: int
    peak_rate: float
    seed: int


def descend(
    net: nn.Module, samples: Sequence[Item], schedule: Schedule, losses: Losses[Item],
    progress: Callable[[int, int], None],
) -> list[float]:  # fmt: skip
    """AdamW with a one-cycle rate, by the parameters of `net`; gradients are cut to a norm of 2.

    Args:
        progress: called with (done, total); may raise to stop.

    Returns:
        The mean of each loss over the last fifth of the steps.
    """
    rng = np.random.default_rng(schedule.seed)
    torch.manual_seed(schedule.seed)
    steps = schedule.steps
    optimiser = torch.optim.AdamW(net.parameters(), lr=schedule.peak_rate, weight_decay=0.01)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, schedule.peak_rate, total_steps=steps, pct_start=0.15)
    kept: list[list[float]] = []
    for step, chosen in enumerate(batches(samples, steps, rng)):
        progress(step, steps)
        each = losses([samples[i] for i in chosen], rng)
        optimiser.zero_grad()
        torch.stack(list(each)).sum().backward()
        nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        optimiser.step()
        rate.step()
        if step >= int(0.8 * steps):
            kept.append([float(loss.detach()) for loss in each])
    progress(steps, steps)
    means: list[float] = np.mean(np.array(kept), axis=0).tolist()
    return means


def batches(samples: Sequence[Shown], steps: int, rng: np.random.Generator) -> Iterator[list[int]]:
    """`steps` batches of indices; words of like width go together, in random order, epoch after epoch."""
    widths = np.array([sample.pixels.shape[1] for sample in samples])
    indices = np.repeat(np.arange(len(samples)), [sample.repeat for sample in samples])
    made = 0
    while made < steps:
        shuffled = rng.permutation(indices)
        # Sorted within large chunks: little padding, and still other neighbours each epoch.
        chunks = [shuffled[i : i + 16 * BATCH] for i in range(0, len(shuffled), 16 * BATCH)]
        ordered = np.concatenate([chunk[np.argsort(widths[chunk], kind="stable")] for chunk in chunks])
        starts = rng.permutation(np.arange(0, len(ordered), BATCH))
        for start in starts[: steps - made]:
            batch = ordered[start : start + BATCH]
            # One batch of very long lines must not need more memory than a usual one.
            for piece in _split_wide(batch, widths):
                yield piece
                made += 1
                if made == steps:
                    return


def _split_wide(batch: NDArray[np.int64], widths: NDArray[np.int64], most: int = 32 * 400) -> list[list[int]]:
    pieces = max(1, int(np.ceil(len(batch) * widths[batch].max() / most)))
    return [[int(i) for i in piece] for piece in np.array_split(batch, min(pieces, len(batch)))]
