"""Which pixels an output hangs on: by hand, by torch word by word, and in a net that looks at one place only."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from charloc.attribution import (
    Outputs,
    _bars,
    gradient_maps,
    handovers,
    masking_profiles,
    outer,
    outputs,
    places,
)
from charloc.nets import STRIDE
from charloc.nets_scan import REACH, ScanNet
from charloc.normalise import HEIGHT

ROWS = slice(20, 26)
CLASSES = 5


@pytest.fixture(scope="module", autouse=True)
def same_arithmetic() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHARLOC_FLOAT32", "1")
        yield


class Looker(nn.Module):
    """A frame is class 1 if there is ink in its own two columns, rows `ROWS`; nothing else is looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.columns = nn.Conv2d(1, 1, (HEIGHT, STRIDE), stride=STRIDE, bias=False)
        with torch.no_grad():
            self.columns.weight.zero_()
            self.columns.weight[:, :, ROWS] = 0.5

    def read(self, columns: Tensor, frames: Tensor | None = None) -> Tensor:
        return torch.stack([torch.full_like(columns[:, 0], 2.0), columns[:, 0]], dim=2)

    def forward(self, views: Tensor, frames: Tensor | None = None) -> Tensor:
        return self.read(self.columns(views).squeeze(2), frames)


def one_hot(frames: list[int], length: int) -> np.ndarray:
    """Occupation of characters that are in one frame each."""
    out = np.zeros((length, len(frames)), np.float32)
    out[frames, np.arange(len(frames))] = 1
    return out


def odds(probability: float) -> float:
    return float(np.log(probability / (1 - probability)))


def drawn(columns: list[tuple[int, int]], length: int = 80) -> Tensor:
    """One word: full ink in rows 10..40 between columns."""
    views = torch.zeros(1, 1, HEIGHT, length)
    for start, end in columns:
        views[0, 0, 10:40, start:end] = 1
    return views


@pytest.fixture(scope="module")
def words() -> tuple[ScanNet, Tensor, Tensor, Outputs]:
    """A net that knows nothing, but has been somewhere: three words of random ink, of unlike width and length."""
    torch.manual_seed(3)
    net = ScanNet(CLASSES)
    views = torch.zeros(3, 1, HEIGHT, 80)
    frames = torch.tensor([34, 20, 27])
    for b, own in enumerate(frames.tolist()):
        views[b, 0, 8:42, 9 : STRIDE * own - 9] = torch.rand(34, STRIDE * own - 18) ** 3
    for _ in range(20):
        net(views)  # running means
    rng = np.random.default_rng(0)
    occupation = [
        rng.random((int(own), count)).astype(np.float32) for own, count in zip(frames, (4, 2, 3), strict=True)
    ]
    classes = [rng.integers(1, CLASSES, count) for count in (4, 2, 3)]
    return net.eval(), views, frames, outputs(occupation, classes, 40)


def singly(asked: Outputs, b: int, k: int) -> Outputs:
    return Outputs(asked.occupation[b : b + 1, :, k : k + 1], asked.classes[b : b + 1, k : k + 1])


# --- outputs ----------------------------------------------------------------------------------------------------------


def test_an_output_is_the_log_odds_of_its_frames() -> None:
    probabilities = torch.tensor([[[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.25, 0.25, 0.5]]])
    occupation = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, 0.9]], np.float32)
    asked = outputs([occupation], [np.array([1, 2])], 3)
    found = asked(probabilities.log() + 4.0)[0].tolist()
    assert found == pytest.approx([odds(0.6) + 0.5 * odds(0.25), 0.9 * odds(0.5)], abs=1e-5)


def test_a_padded_output_is_nothing_and_certainty_is_finite() -> None:
    asked = outputs([np.ones((2, 1), np.float32), np.zeros((1, 0), np.float32)], [np.array([1]), np.zeros(0, int)], 4)
    assert asked.occupation.shape == (2, 4, 1)
    found = asked(torch.tensor([-50.0, 50.0]).expand(2, 4, 2))
    assert torch.isfinite(found).all()
    assert found[0, 0] == pytest.approx(2 * odds(1 - 1e-4), rel=1e-3)
    assert found[1, 0] == 0


# --- by derivative ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("samples", [0, 3])
def test_gradients_of_a_batch_are_those_of_each_word_and_character(words: tuple, samples: int) -> None:
    net, views, frames, asked = words
    maps = gradient_maps(net, views, frames, asked, samples)
    assert maps.shape == (3, 4, HEIGHT, 80)
    for b, own in enumerate(frames.tolist()):
        width = min(STRIDE * own + REACH, 80)
        for k in range(4):
            mean = torch.zeros(1, 1, HEIGHT, width)
            for strength in [(n + 0.5) / samples for n in range(samples)] or [1.0]:
                alone = (strength * views[b : b + 1, :, :, :width]).requires_grad_()
                one = singly(asked, b, k)
                cut = Outputs(one.occupation[:, : width // STRIDE], one.classes)
                cut(net(alone, frames[b : b + 1])).sum().backward()
                mean += alone.grad / max(samples, 1)
            expected = (mean * views[b : b + 1, :, :, :width])[0, 0].numpy()
            np.testing.assert_allclose(maps[b, k, :, :width], expected, atol=2e-5, rtol=1e-3)
            assert not maps[b, k, :, width:].any()


def test_the_gradient_is_where_a_net_looks_that_looks_at_one_place() -> None:
    views = drawn([(8, 12), (30, 34), (50, 60)])
    asked = outputs([one_hot([5, 16, 20], 40)], [np.array([1, 1, 1])], 40)
    maps = gradient_maps(Looker(), views, torch.tensor([40]), asked)[0]
    for k, (start, end) in enumerate([(10, 12), (32, 34)]):
        there = np.zeros((HEIGHT, 80), bool)
        there[ROWS, start:end] = True
        assert (maps[k][there] > 0).all()
        assert not maps[k][~there].any()
    assert not maps[2].any()  # there is no ink at all at frame 20


def test_integrated_gradients_add_up_to_what_the_ink_does(words: tuple) -> None:
    net, views, frames, asked = words
    with torch.no_grad():
        change = asked(net(views, frames)) - asked(net(0 * views, frames))
    maps = gradient_maps(net, views, frames, asked, samples=24)
    np.testing.assert_allclose(maps.sum(axis=(2, 3)), change.numpy(), atol=0.1, rtol=0.05)


def test_gradients_leave_the_net_as_it_was(words: tuple) -> None:
    net, views, frames, asked = words
    net.zero_grad()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    gradient_maps(net, views, frames, asked, 2)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(value.grad is None for value in net.parameters())
    assert not net.training


# --- by covering up ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "stride", "at_once"), [(6, 3, 80 * 7), (5, 2, 10**6), (4, 4, 80), (13, 5, 80 * 3)])
def test_losses_are_those_of_each_mask_put_on_singly(
    words: tuple, width: int, stride: int, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("charloc.attribution.AT_ONCE", at_once)
    net, views, frames, asked = words
    across, down = masking_profiles(net, views, frames, asked, width, stride)
    with torch.no_grad():
        whole = asked(net(views, frames))
        for profile, axis in ((across, 3), (down, 2)):
            expected = np.zeros_like(profile)
            for start in range(-(width // 2), views.shape[axis], stride):
                covered = views.clone().transpose(axis, 3)
                covered[..., max(start, 0) : start + width] = 0
                loss = (whole - asked(net(covered.transpose(axis, 3), frames))).numpy()
                first = start + width // 2 - stride // 2
                expected[:, :, max(first, 0) : first + stride] = loss[:, :, None]
            np.testing.assert_allclose(profile, expected, atol=2e-4)


def test_words_are_masked_alone_as_in_a_batch(words: tuple) -> None:
    net, views, frames, asked = words
    across, down = masking_profiles(net, views, frames, asked, 6, 3)
    one = Outputs(asked.occupation[1:2], asked.classes[1:2])
    alone = masking_profiles(net, views[1:2], frames[1:2], one, 6, 3)
    np.testing.assert_allclose(alone[0][0], across[1], atol=1e-4)
    np.testing.assert_allclose(alone[1][0], down[1], atol=1e-4)
    width = STRIDE * int(frames[1]) + REACH
    cut = Outputs(one.occupation[:, : width // STRIDE], one.classes)
    narrow, _ = masking_profiles(net, views[1:2, :, :, :width], frames[1:2], cut, 6, 3)
    np.testing.assert_allclose(narrow[0], across[1, :, :width], atol=1e-4)


def test_a_mask_far_away_changes_nothing() -> None:
    views = drawn([(8, 12), (30, 34)])
    asked = outputs([one_hot([5, 16], 40)], [np.array([1, 1])], 40)
    across, down = masking_profiles(Looker(), views, torch.tensor([40]), asked, 4, 2)
    for k, (start, end) in enumerate([(10, 12), (32, 34)]):
        touched = np.flatnonzero(across[0, k])
        assert start - 4 <= touched[0] <= start
        assert end - 1 <= touched[-1] < end + 4
        rows = np.flatnonzero(down[0, k])
        assert ROWS.start - 4 <= rows[0] <= ROWS.start
        assert ROWS.stop - 1 <= rows[-1] < ROWS.stop + 4
        assert across[0, k].max() == pytest.approx(6 * 1.0, rel=0.01)  # all that was seen is gone


def test_only_bars_that_cover_ink_are_tried() -> None:
    inked = torch.zeros(2, 20, dtype=torch.bool)
    inked[0, 7] = inked[1, 0] = inked[1, 19] = True
    bars = [tuple(bar) for bar in _bars(inked, 4, 2).tolist()]
    assert bars == [(0, 4), (0, 6), (1, -2), (1, 0), (1, 16), (1, 18)]
    assert _bars(torch.zeros(3, 9, dtype=torch.bool), 4, 2).shape == (0, 2)


def test_an_outer_product_keeps_the_columns() -> None:
    rng = np.random.default_rng(0)
    across, down = rng.normal(size=(3, 50)).astype(np.float32), rng.random((3, HEIGHT)).astype(np.float32)
    down[1] = 0
    maps = outer(across, down)
    np.testing.assert_allclose(maps.sum(axis=1), across, atol=1e-5)
    np.testing.assert_allclose(maps[0, :, 4] / maps[0, 7, 4], down[0] / down[0, 7], rtol=1e-4)
    assert np.ptp(maps[1], axis=0).max() < 1e-6


# --- places -----------------------------------------------------------------------------------------------------------


def free(count: int) -> np.ndarray:
    return np.full((count, 2), (-np.inf, np.inf), np.float32)


def spots(columns: list[list[tuple[int, float]]], length: int = 100) -> np.ndarray:
    maps = np.zeros((len(columns), HEIGHT, length), np.float32)
    for k, each in enumerate(columns):
        for column, much in each:
            maps[k, 20:30, column] = much
    return maps


def test_a_place_is_the_middle_of_what_is_important() -> None:
    found = places(spots([[(20, 1.0)], [(59, 1.0), (60, 1.0), (61, 1.0)]]), free(2))
    np.testing.assert_allclose(found.columns, [20.5, 60.5], atol=0.05)
    np.testing.assert_allclose(found.gathered, [1, 1], atol=0.01)
    np.testing.assert_allclose(found.importance.sum(axis=(1, 2)), [1, 1], atol=1e-4)
    assert found.importance[0].max() == found.importance[0, :, 20].max()


def test_a_character_does_not_claim_what_matters_more_to_another() -> None:
    """What stands beside a character helps to tell it; the character is elsewhere."""
    maps = spots([[(30, 1.0), (50, 0.9)], [(50, 1.0)]])
    alone, beside = places(maps[:1], free(1)), places(maps, free(2))
    assert beside.columns[0] == pytest.approx(30.5, abs=0.1)
    assert beside.gathered[0] > alone.gathered[0]
    assert beside.columns[1] == pytest.approx(50.5, abs=0.1)


def test_ink_that_speaks_against_a_character_is_not_its_own() -> None:
    found = places(spots([[(30, 1.0), (70, -5.0)]]), free(1))
    assert found.columns[0] == pytest.approx(30.5, abs=0.05)
    assert (found.importance >= 0).all()


def test_nothing_important_is_nowhere() -> None:
    found = places(spots([[], [(40, 1.0)]]), free(2))
    assert np.isnan(found.columns[0])
    assert found.gathered[0] == 0
    assert not found.importance[0].any()
    none = places(np.zeros((0, HEIGHT, 30), np.float32), free(0))
    assert none.columns.shape == none.gathered.shape == (0,)


def test_importance_is_handed_over_between_two_points() -> None:
    """A wide character beside a narrow one: not halfway between them."""
    importance = spots([[(x, 1.0) for x in range(20, 50)], [(x, 1.0) for x in range(50, 54)], [(80, 1.0)]])
    found = handovers(importance, np.array([35, 52, 80.5], np.float32))
    assert found[0] == 50
    assert 54 <= found[1] <= 80
    assert np.isnan(handovers(importance[:2], np.array([35.1, 35.2], np.float32))).all()
    assert handovers(importance[:1], np.array([3.0], np.float32)).shape == (0,)
    assert handovers(importance[:0], np.zeros(0, np.float32)).shape == (0,)


@settings(max_examples=60)
@given(st.integers(1, 5), st.integers(8, 60), st.integers(0, 2**32 - 1))
def test_places_are_within_their_limits(count: int, length: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    maps = (rng.normal(size=(count, HEIGHT, length)) * (rng.random((count, 1, length)) < 0.3)).astype(np.float32)
    limits = np.sort(rng.uniform(-10, length + 10, (count, 2)), axis=1).astype(np.float32)
    found = places(maps, limits)
    known = np.isfinite(found.columns)
    assert (found.columns[known] >= limits[known, 0] - 1e-3).all()
    assert (found.columns[known] <= limits[known, 1] + 1e-3).all()
    assert ((found.gathered >= 0) & (found.gathered <= 1 + 1e-5)).all()
    assert np.isfinite(found.importance).all()
