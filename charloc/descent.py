"""Learning from samples batch by batch, whatever the net and its losses."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

BATCH = 32


class Shown(Protocol):
    """What batches are made of: a view, shown `repeat` times per epoch."""

    @property
    def pixels(self) -> NDArray[np.uint8]: ...
    @property
    def repeat(self) -> int: ...


Item = TypeVar("Item")
Made = TypeVar("Made")
Make = Callable[[list[Item], np.random.Generator], Made]
"""A batch of some samples, changed at random."""
Losses = Callable[[Made], Sequence[Tensor]]
"""Of a batch, what is to become smaller: the sum of these."""


@dataclass(frozen=True, slots=True, eq=False)
class Schedule:
    """How long and how fast to learn: `steps` batches, a one-cycle rate that peaks at `peak_rate`, a `seed`.

    Args:
        batch: samples in a batch; None: `BATCH`.
        device: where nets compute while they learn, as torch names it.
        makers: processes that make batches meanwhile; 0: they are made in between.
    """

    steps: int
    peak_rate: float
    seed: int
    batch: int | None = None
    device: str = "cpu"
    makers: int = 0


def descend(
    net: nn.Module, samples: Sequence[Item], schedule: Schedule, make: Make[Item, Made], losses: Losses[Made],
    progress: Callable[[int, int], None], chosen: Iterable[list[int]] | None = None,
) -> list[float]:  # fmt: skip
    """AdamW with a one-cycle rate, by the parameters of `net`; gradients are cut to a norm of 2.

    Args:
        net: on the schedule's device.
        make: a batch; where processes make them, something that can be pickled.
        progress: called with (done, total); may raise to stop.
        chosen: the samples of each batch; None: as `batches` has them, of samples that are `Shown`.

    Returns:
        The mean of each loss over the last fifth of the steps.
    """
    rng = np.random.default_rng(schedule.seed)
    torch.manual_seed(schedule.seed)
    steps = schedule.steps
    optimiser = torch.optim.AdamW(net.parameters(), lr=schedule.peak_rate, weight_decay=0.01)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, schedule.peak_rate, total_steps=steps, pct_start=0.15)
    kept: list[list[float]] = []
    if chosen is None:
        chosen = batches(cast(Sequence[Shown], samples), steps, rng, schedule.batch)
    for step, batch in enumerate(_made(samples, chosen, schedule, make, rng)):
        progress(step, steps)
        each = losses(batch)
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


def _made(
    samples: Sequence[Item], chosen: Iterable[list[int]], schedule: Schedule, make: Make[Item, Made],
    rng: np.random.Generator,
) -> Iterator[Made]:  # fmt: skip
    if not schedule.makers:
        for some in chosen:
            yield make([samples[i] for i in some], rng)
        return
    drawn: _Drawn[Item, Made] = _Drawn(samples, list(chosen), make, schedule.seed)
    # Forked, they share the samples with this process.
    way = "fork" if sys.platform == "linux" else "spawn"
    loader = DataLoader(drawn, batch_size=None, num_workers=schedule.makers, multiprocessing_context=way)
    with warnings.catch_warnings():
        # Python 3.12 and later; what they run needs no other thread of this process.
        warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
        made = iter(loader)
    yield from made


@dataclass(frozen=True, eq=False)
class _Drawn(Dataset[Made], Generic[Item, Made]):
    """Batches, each the same whoever makes it."""

    samples: Sequence[Item]
    chosen: Sequence[list[int]]
    make: Make[Item, Made]
    seed: int

    def __len__(self) -> int:
        return len(self.chosen)

    def __getitem__(self, step: int) -> Made:
        return self.make([self.samples[i] for i in self.chosen[step]], np.random.default_rng((self.seed, step)))


def batches(
    samples: Sequence[Shown], steps: int, rng: np.random.Generator, size: int | None = None
) -> Iterator[list[int]]:
    """`steps` batches of up to `size` indices; words of like width go together, in random order, epoch after epoch.

    Args:
        size: None: `BATCH`.
    """
    size = size or BATCH
    widths = np.array([sample.pixels.shape[1] for sample in samples])
    indices = np.repeat(np.arange(len(samples)), [sample.repeat for sample in samples])
    made = 0
    while made < steps:
        shuffled = rng.permutation(indices)
        # Sorted within large chunks: little padding, and still other neighbours each epoch.
        chunks = [shuffled[i : i + 16 * size] for i in range(0, len(shuffled), 16 * size)]
        ordered = np.concatenate([chunk[np.argsort(widths[chunk], kind="stable")] for chunk in chunks])
        starts = rng.permutation(np.arange(0, len(ordered), size))
        for start in starts[: steps - made]:
            batch = ordered[start : start + size]
            # One batch of very long lines must not need more memory than a usual one.
            for piece in _split_wide(batch, widths, size * 400):
                yield piece
                made += 1
                if made == steps:
                    return


def _split_wide(batch: NDArray[np.int64], widths: NDArray[np.int64], most: int) -> list[list[int]]:
    pieces = max(1, int(np.ceil(len(batch) * widths[batch].max() / most)))
    return [[int(i) for i in piece] for piece in np.array_split(batch, min(pieces, len(batch)))]
