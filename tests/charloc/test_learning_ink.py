"""A net for the word's own ink: it learns to leave rules out, and takes pictures of every size."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch

from charloc import learning_ink
from charloc.descent import Schedule
from charloc.inkmap import soft_ink
from charloc.learning_ink import CROP, TALLEST, own_ink, train_ink
from charloc.methods import _learner
from charloc.nets_ink import MULTIPLE, InkNet, seen
from charloc.pretraining import INK_RATE
from charloc.synth import Degradation, Rendered, load_font, render
from charloc.types import CheckpointError

MIDST = (6, 6, 6, 6)


@pytest.fixture(scope="module", autouse=True)
def small_batches() -> object:
    """The same arithmetic on every processor, and little of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHARLOC_FLOAT32", "1")
        patch.setattr(learning_ink, "BATCH", 4)
        yield


def ruled(count: int, seed: int) -> list[Rendered]:
    """Small words with a rule through or beside them, on paper that is not flat."""
    rng = np.random.default_rng(seed)
    shape = Degradation(noise=0.04, paper=0.9, contrast=0.8, rules=1, margins_px=MIDST)
    return [render("".join(rng.choice(list("mono"), 3)), load_font(None, 18), rng, shape) for _ in range(count)]


@pytest.fixture(scope="module")
def untaught() -> InkNet:
    torch.manual_seed(0)
    return InkNet().eval()


# --- learning ---------------------------------------------------------------------------------------------------------


def test_it_learns_to_leave_rules_out() -> None:
    torch.manual_seed(0)
    net = InkNet()
    reports: list[tuple[str, int, int]] = []
    train_ink(net, ruled(40, 0), Schedule(50, INK_RATE, 0), lambda *report: reports.append(report))
    assert reports == [("learn ink", step, 50) for step in range(51)]
    assert not net.training
    learned, known = [], []
    for each in ruled(12, 1):
        soft, threshold = soft_ink(each.pixels)
        paper, strokes = each.ink == 0, each.ink > 200
        found = own_ink(net, each.pixels, soft) > 0.5
        learned.append((found[paper].mean(), found[strokes].mean()))
        known.append(((soft > threshold)[paper].mean(), (soft > threshold)[strokes].mean()))
    (strange, own), (strange_known, _) = np.mean(learned, axis=0), np.mean(known, axis=0)
    assert strange < 0.6 * strange_known
    assert own > 0.8


def test_the_same_seed_learns_the_same() -> None:
    def learned(seed: int) -> float:
        torch.manual_seed(0)
        return train_ink(InkNet(), ruled(6, 0), Schedule(3, INK_RATE, seed), lambda *_: None)

    assert learned(1) == learned(1) != learned(2)


def test_padding_does_not_count_and_wide_pictures_are_shown_in_part() -> None:
    short = ruled(1, 0)[0]
    anything = np.random.default_rng(0).integers(0, 256, (2, 40, CROP + 60)).astype(np.uint8)
    wide = replace(short, pixels=anything[0], ink=anything[1])
    soft_short, soft_wide = (soft_ink(each.pixels)[0] for each in (short, wide))
    shown = []
    for seed in range(8):
        batch = learning_ink.collate([short, wide], np.random.default_rng(seed))
        inputs, targets, counts = batch.shown, batch.drawn, batch.counts
        assert inputs.shape[2:] == targets.shape[2:] == counts.shape[2:]
        assert (inputs.shape[1], targets.shape[1], counts.shape[1]) == (2, 1, 1)
        assert inputs.shape[2] % MULTIPLE == inputs.shape[3] % MULTIPLE == 0
        assert counts[0].sum() == short.pixels.size
        assert counts[1].sum() == CROP * len(wide.pixels)
        height, width = short.pixels.shape
        np.testing.assert_allclose(targets[0, 0, :height, :width], short.ink / 255, atol=1e-6)
        np.testing.assert_allclose(inputs[0, 1, :height, :width], soft_short, atol=1e-6)
        assert not inputs[:, :, counts[0, 0].sum(dim=1) == 0][0].any()
        # What is seen and what was drawn are the same part.
        pieces = np.lib.stride_tricks.sliding_window_view(wide.ink, CROP, axis=1)
        ink = np.rint(targets[1, 0, : len(wide.ink), :CROP].numpy() * 255)
        (left, *_) = np.flatnonzero((pieces == ink[:, None]).all(axis=(0, 2)))
        seen_soft = inputs[1, 1, : len(wide.ink), :CROP]
        np.testing.assert_allclose(seen_soft, soft_wide[:, left : left + CROP], atol=1e-6)
        shown.append(int(left))
    assert len(set(shown)) > 2


def test_whoever_stops_it_is_heard() -> None:
    def stop(phase: str, done: int, total: int) -> None:
        if done == 1:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        train_ink(InkNet(), ruled(4, 0), Schedule(1000, INK_RATE, 0), stop)


# --- saying -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 70), (40, 1), (16, 16), (17, 33), (TALLEST, 20), (TALLEST + 1, 31), (5 * TALLEST - 3, 50)]
)
def test_pictures_of_every_size(untaught: InkNet, shape: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    before = pixels.copy()
    ink = own_ink(untaught, pixels, soft_ink(pixels)[0])
    assert ink.shape == shape
    assert ink.dtype == np.float32
    assert np.isfinite(ink).all()
    assert ink.min() >= 0 and ink.max() <= 1
    np.testing.assert_array_equal(pixels, before)


def test_tall_pictures_are_made_smaller_and_ink_stays_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A net that says what soft ink it is shown: what comes back is that of the picture, a little blurred."""

    class Repeats(torch.nn.Module):
        def forward(self, shown: torch.Tensor) -> torch.Tensor:
            heights.append(shown.shape[2])
            return torch.logit(shown[:, 1:].clamp(1e-4, 1 - 1e-4))

    heights: list[int] = []
    height, width = 3 * TALLEST - 5, 331
    pixels = np.full((height, width), 240, np.uint8)
    soft = np.zeros((height, width), np.float32)
    soft[100:180, 60:90] = soft[-40:, -30:] = 1
    ink = own_ink(Repeats(), pixels, soft)  # type: ignore[arg-type]
    assert heights[0] == 96  # a quarter of the height, padded
    assert ((ink > 0.5) != (soft > 0.5)).mean() < 0.005
    assert (ink[105:175, 65:85] > 0.95).all()
    np.testing.assert_allclose(own_ink(Repeats(), pixels[:100], soft[:100]), soft[:100], atol=1e-3)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def far_sighted(untaught: InkNet) -> InkNet:
    """Also what lies around counts, which to a net that has learned nothing it does not."""
    net = deepcopy(untaught)
    for part in net.around.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            torch.nn.init.ones_(part.weight)
    return net


def test_a_net_that_never_looked_around_is_the_same_with_it(untaught: InkNet, far_sighted: InkNet) -> None:
    shown = torch.rand(1, 2, 2 * MULTIPLE, 4 * MULTIPLE)
    with torch.inference_mode():
        now = untaught(shown)
        assert not torch.equal(far_sighted(shown), now)
        bare = deepcopy(untaught)
        bare.around = torch.nn.ModuleList(torch.nn.Identity() for _ in bare.around)
        assert torch.equal(bare(shown), now)
    older = {name: each for name, each in untaught.state_dict().items() if not name.startswith("around.")}
    _learner._fill(far := deepcopy(far_sighted), older, _learner.NEWER_INK)
    assert {*far.state_dict()} > {*older}
    with pytest.raises(CheckpointError, match="does not fit"):
        _learner._fill(far, older)


def test_a_long_line_is_seen_a_window_at_a_time(far_sighted: InkNet, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 700)).astype(np.uint8)
    soft = soft_ink(pixels)[0]
    whole = own_ink(far_sighted, pixels, soft)
    monkeypatch.setattr(learning_ink, "WINDOW", 16 * MULTIPLE)
    np.testing.assert_allclose(own_ink(far_sighted, pixels, soft), whole, atol=1e-4)


def test_what_is_far_away_changes_nothing(far_sighted: InkNet) -> None:
    """So neither does how far a picture is padded."""
    shown = torch.rand(1, 2, 2 * MULTIPLE, 20 * MULTIPLE)
    wider = torch.nn.functional.pad(shown, (0, 5 * MULTIPLE, 0, 0))
    with torch.inference_mode():
        alone, padded = far_sighted(shown), far_sighted(wider)
    assert alone.shape == (1, 1, *shown.shape[2:])
    near = shown.shape[3] - learning_ink.REACH
    torch.testing.assert_close(padded[..., :near], alone[..., :near], atol=1e-4, rtol=1e-4)


def test_brightness_contrast_and_level_do_not_matter_to_what_is_seen() -> None:
    pixels = ruled(1, 3)[0].pixels
    soft = soft_ink(pixels)[0]
    usual = seen(pixels, soft)
    assert usual.shape == (2, *pixels.shape)
    assert usual.dtype == np.float32
    np.testing.assert_array_equal(usual[1], soft)
    paler = (pixels // 2 * 0.5 + 100).astype(np.uint8)
    np.testing.assert_allclose(seen(paler, soft)[0], usual[0], atol=0.15)
    assert np.abs(seen(np.zeros((9, 9), np.uint8), np.zeros((9, 9), np.float32))).max() == 0


@pytest.mark.parametrize("shape", [(96, 9), (200, 16), (9, 96), (7, 7), (60, 40)])
def test_narrow_pictures_are_seen_alike_in_bfloat16(
    untaught: InkNet, shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On processors that compute in it; elsewhere the two are one."""
    pixels = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    soft, _ = soft_ink(pixels)
    exact = own_ink(untaught, pixels, soft)
    monkeypatch.delenv("CHARLOC_FLOAT32")
    for _ in range(8):
        wild = [torch.full((300, 300), float("nan")) for _ in range(4)]
        del wild  # memory that whoever reads what is not theirs may find
        np.testing.assert_allclose(own_ink(untaught, pixels, soft), exact, atol=0.05)
