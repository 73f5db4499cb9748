"""Batches of samples, and going down a sum of losses by them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from charloc.descent import BATCH, Schedule, batches, descend


@dataclass(frozen=True)
class Wide:
    pixels: NDArray[np.uint8]
    repeat: int = 1


def sample(width: int, repeat: int = 1) -> Wide:
    return Wide(np.zeros((4, width), np.uint8), repeat)


def test_batches_show_everything_equally_often_but_what_is_repeated() -> None:
    samples = [sample(30 + i % 9, repeat=4 if i == 5 else 1) for i in range(70)]
    epoch = -(-73 // BATCH)
    made = list(batches(samples, 2 * epoch, np.random.default_rng(0)))
    assert len(made) == 2 * epoch
    counts = np.bincount(np.concatenate(made), minlength=70)
    assert counts[5] == 8
    assert (np.delete(counts, 5) == 2).all()


def test_batches_of_long_lines_are_small() -> None:
    made = list(batches([sample(8000) for _ in range(5)], 7, np.random.default_rng(0)))
    assert len(made) == 7
    assert max(len(batch) for batch in made) <= 2


def little(chosen: list[Wide], rng: np.random.Generator) -> float:
    assert 0 < len(chosen) <= BATCH
    return float(rng.normal(0, 0.01))


def down(steps: int, seed: int = 0, makers: int = 0) -> tuple[list[float], list[tuple[int, int]], float]:
    """Two losses of one number, that each want it elsewhere: at 1 and at 3."""
    net = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(net.weight)
    reports: list[tuple[int, int]] = []

    def losses(by: float) -> list[torch.Tensor]:
        shaken = net.weight.sum() + by
        return [(shaken - 1) ** 2, (shaken - 3) ** 2]

    schedule = Schedule(steps, 0.1, seed, makers=makers)
    means = descend(net, [sample(9)] * 40, schedule, little, losses, lambda *each: reports.append(each))
    return means, reports, float(net.weight.detach())


def test_the_sum_of_the_losses_goes_down() -> None:
    means, reports, weight = down(200)
    assert weight == pytest.approx(2, abs=0.1)
    assert means == pytest.approx([1, 1], abs=0.2)
    assert reports == [(step, 200) for step in range(201)]
    early, _, _ = down(5)
    assert sum(early) > sum(means) + 1


def test_a_seed_says_everything() -> None:
    assert down(20)[0] == down(20)[0] != down(20, seed=1)[0]


def test_batches_that_other_processes_make_are_the_same_however_many_those_are() -> None:
    one, two = down(40, makers=1), down(40, makers=2)
    assert one == two
    assert one[2] > 1


def test_progress_may_stop_it() -> None:
    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    net, seen = nn.Linear(1, 1), []

    def losses(shown: int) -> list[torch.Tensor]:
        seen.append(shown)
        return [net.weight.sum() ** 2]

    with pytest.raises(KeyboardInterrupt):
        descend(net, [sample(9)] * 3, Schedule(9, 0.1, 0), lambda chosen, _: len(chosen), losses, stop)
    assert seen == [3, 3]
