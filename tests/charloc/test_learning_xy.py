"""Learning in two dimensions: boxes move with the ink, targets are where they are, a column is any of its cells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from charloc import descent, learning_xy
from charloc.descent import Schedule
from charloc.learning_xy import (
    PAPER,
    XySample,
    _lattice,
    _shake,
    _targets,
    columns,
    pad,
    train_flat,
    train_points,
)
from charloc.nets_xy import CELL, REACH, XyNet
from charloc.plane import CORE


@pytest.fixture(scope="module", autouse=True)
def same_arithmetic() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHARLOC_FLOAT32", "1")
        patch.setattr(descent, "BATCH", 4)
        yield


def sample(classes: list[int], height: int = 30, pinned: int | None = None, weight: float = 1.0) -> XySample:
    """Bars 10 px wide, 16 px apart from 10 on, each class of another height, standing on row 24."""
    pixels = np.zeros((height, 16 * len(classes) + 14), np.uint8)
    boxes = np.zeros((len(classes), 4), np.float32)
    for k, name in enumerate(classes):
        x0, y0 = 10 + 16 * k, 24 - 4 * name
        pixels[y0:24, x0 : x0 + 10] = 255
        boxes[k] = x0, y0, x0 + 10, 24
    held = np.zeros(len(classes), bool)
    weights = np.full(len(classes), weight, np.float32)
    if pinned is not None:
        held[pinned], weights[pinned] = True, 8.0
    return XySample(pixels, np.array(classes), boxes, weights, held)


def silent(phase: str, done: int, total: int) -> None: ...


# --- augmentation -----------------------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.integers(12, 60), st.integers(12, 200), st.floats(0.1, 0.9), st.floats(0.1, 0.9))
def test_boxes_move_with_what_is_in_them(seed: int, height: int, width: int, down: float, along: float) -> None:
    """A dot, wherever it is in the plane, is found in the middle of its box afterwards."""
    x, y = 3 + along * (width - 6), 3 + down * (height - 6)
    ys, xs = np.mgrid[:height, :width] + 0.5
    dot = np.clip(2.5 - np.hypot(xs - x, ys - y), 0, 1)
    this = replace(
        sample([1]), pixels=(dot * 255).astype(np.uint8), boxes=np.array([[x - 3, y - 2, x + 3, y + 2]], np.float32)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learning_xy, "roughen", lambda pixels, _: pixels)
        pixels, boxes = _shake(this, np.random.default_rng(seed))
    assert pixels.dtype == boxes.dtype == np.float32
    assert pixels.shape == this.pixels.shape
    x0, y0, x1, y1 = boxes[0]
    assert x1 - x0 == pytest.approx(6, rel=0.3) and y1 - y0 == pytest.approx(4, rel=0.3)
    if 4 < x0 + 3 < width - 4 and 4 < y0 + 2 < height - 4:
        assert (pixels * xs).sum() / pixels.sum() == pytest.approx((x0 + x1) / 2, abs=0.35)
        assert (pixels * ys).sum() / pixels.sum() == pytest.approx((y0 + y1) / 2, abs=0.35)


def test_boxes_grow_and_shrink_with_what_is_in_them() -> None:
    pixels = np.zeros((60, 120), np.uint8)
    pixels[15:45, 30:90] = 255
    this = replace(sample([1]), pixels=pixels, boxes=np.array([[30, 15, 90, 45]], np.float32))
    sizes = []
    for seed in range(20):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(learning_xy, "roughen", lambda each, _: each)
            moved, boxes = _shake(this, np.random.default_rng(seed))
        x0, y0, x1, y1 = boxes[0]
        row, column = int((y0 + y1) / 2), int((x0 + x1) / 2)
        assert moved[row].sum() == pytest.approx(x1 - x0, abs=0.5)
        assert moved[:, column].sum() == pytest.approx(y1 - y0, abs=0.5)
        sizes.append(x1 - x0)
    assert np.std(sizes) > 1


def test_boxes_nobody_knows_stay_unknown_and_pixels_stay_pixels() -> None:
    this = sample([1, 2])
    this.boxes[1] = np.nan
    rng = np.random.default_rng(0)
    for _ in range(20):
        pixels, boxes = _shake(this, rng)
        assert pixels.min() >= 0 and pixels.max() <= 1
        assert np.isfinite(boxes[0]).all() and np.isnan(boxes[1]).all()


# --- targets ----------------------------------------------------------------------------------------------------------


def test_targets_peak_where_the_boxes_are_and_sum_to_one() -> None:
    these = [sample([1, 3, 1], pinned=1, weight=0.4), sample([2], height=46)]
    these[0].boxes[2] = np.nan
    truth, weights = _targets(these, [each.boxes for each in these], torch.Size((2, 4, 12, 40)))
    assert truth.shape == (2, 4, 12, 40) and weights.shape == (2, 12, 40)
    torch.testing.assert_close(truth.sum(1), torch.ones(2, 12, 40))
    assert (truth >= 0).all()
    for b, name, box in ((0, 1, these[0].boxes[0]), (0, 3, these[0].boxes[1]), (1, 2, these[1].boxes[0])):
        row, column = divmod(int(truth[b, name].argmax()), 40)
        assert abs((column + 0.5) * CELL[1] - (box[0] + box[2]) / 2) <= CELL[1] / 2
        assert abs((row + 0.5) * CELL[0] - (box[1] + box[3]) / 2) <= CELL[0] / 2
        assert truth[b, name, row, column] > 0.75
        assert truth[b, 0, row, column] < 0.25
    # Nothing is said of the third character, whose box is not known: paper all round where it may be.
    assert truth[0, 1, :, 20:].max() < 0.01
    assert truth[0, 2].max() == 0
    # The sheet counts a little, what is believed as it is believed, and what is pinned much more.
    assert weights[1, 11, 39].item() == pytest.approx(PAPER)
    assert weights[0].max().item() == pytest.approx(8, rel=0.2)
    assert weights[0, :, :9].max().item() == pytest.approx(0.4 + PAPER, rel=0.3)


def test_the_same_character_twice_in_one_place_is_there_once() -> None:
    this = sample([1, 1])
    this.boxes[1] = this.boxes[0]
    truth, _ = _targets([this], [this.boxes], torch.Size((1, 3, 8, 24)))
    assert truth.max() <= 1
    torch.testing.assert_close(truth.sum(1), torch.ones(1, 8, 24))


def test_two_characters_in_one_place_share_it() -> None:
    this = sample([1, 2])
    this.boxes[1] = this.boxes[0]
    truth, _ = _targets([this], [this.boxes], torch.Size((1, 3, 8, 24)))
    torch.testing.assert_close(truth.sum(1), torch.ones(1, 8, 24))
    torch.testing.assert_close(truth[:, 1], truth[:, 2])
    assert truth[0, 1].max() == pytest.approx(0.5, abs=0.02)


def test_a_word_that_hardly_counts_has_paper_that_hardly_counts() -> None:
    this = sample([1], weight=0.1)
    _, weights = _targets([this], [np.full((1, 4), np.nan, np.float32)], torch.Size((1, 3, 8, 24)))
    np.testing.assert_allclose(weights, PAPER * 0.1, rtol=1e-5)


# --- columns ----------------------------------------------------------------------------------------------------------


def test_a_column_is_any_of_its_cells() -> None:
    logits = 3 * torch.randn(2, 4, 5, 7, generator=torch.Generator().manual_seed(0))
    found = columns(logits)
    assert found.shape == (2, 7, 4)
    for b in range(2):
        for x in range(7):
            total = np.array([sum(np.exp(float(each)) for each in logits[b, name, :, x]) for name in range(4)])
            np.testing.assert_allclose(found[b, x].exp(), total / total.sum(), rtol=1e-4)


def test_cells_share_what_goes_back_to_their_column() -> None:
    """As they share its score: the better a cell fits already, the more of it is its."""
    generator = torch.Generator().manual_seed(1)
    logits = (2 * torch.randn(1, 4, 5, 7, generator=generator)).requires_grad_()
    truth = torch.softmax(torch.randn(1, 7, 4, generator=generator), 2)
    (-(truth * columns(logits)).sum()).backward()
    assert logits.grad is not None
    off = (columns(logits).exp() - truth).permute(0, 2, 1)[:, :, None, :]
    torch.testing.assert_close(logits.grad, (off * torch.softmax(logits, 2)).detach(), atol=1e-5, rtol=1e-4)


def test_lattice_of_a_batch_holds_pins_within_their_boxes() -> None:
    these = [sample([1, 2, 3], pinned=1), sample([2])]
    these[1].boxes[0] = np.nan
    frames = np.array([31, 15], np.int32)
    targets, lengths, windows = _lattice(these, [each.boxes for each in these], frames)
    assert targets.tolist() == [[1, 2, 3], [2, 0, 0]]
    assert lengths.tolist() == [3, 1]
    assert windows[0].tolist() == [[0, 31], [13, 18], [0, 31]]
    assert windows[1, 0].tolist() == [0, 15]
    # Shaken out of the plane, a pin is at its edge.
    outside = these[0].boxes + np.float32(500)
    assert _lattice(these[:1], [outside], frames[:1])[2][0, 1].tolist() == [30, 31]
    assert _lattice(these[:1], [-outside], frames[:1])[2][0, 1].tolist() == [0, 1]


# --- batches and the net ----------------------------------------------------------------------------------------------


def test_planes_are_padded_with_paper() -> None:
    batch = pad([np.full((9, 17), 255, np.uint8), np.full((16, 8), 0.5, np.float32)])
    assert batch.shape == (2, 1, 16, 24)
    assert batch[0].sum() == 9 * 17 and batch[1].sum() == 16 * 8 / 2
    assert pad([np.zeros((9, 17), np.uint8)], REACH).shape == (1, 1, 32, 40)


@pytest.mark.parametrize("size", [(8, 8), (21, 9), (30, 61)])
def test_a_word_s_cells_do_not_depend_on_what_is_beside_it(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    net = XyNet(5).eval()
    word = np.random.default_rng(0).random(size).astype(np.float32)
    large = np.random.default_rng(1).random((70, 150)).astype(np.float32)
    rows, width = (-(-each // cell) for each, cell in zip(size, CELL, strict=True))
    with torch.inference_mode():
        alone, beside = net.features(pad([word], REACH))[0], net.features(pad([large, word], REACH))[1]
        torch.testing.assert_close(alone[:, :rows, :width], beside[:, :rows, :width], atol=1e-5, rtol=1e-4)
        logits = net.logits(alone[None])
    assert logits.shape == (1, 5, *alone.shape[1:])


def test_boxes_are_told_from_the_cells_beside_a_point() -> None:
    """Of its own word, and within the plane even if the point is not."""
    torch.manual_seed(0)
    net = XyNet(5).eval()
    features = torch.randn(2, 64, 8, 20)
    word, name = torch.tensor([0, 1, 1, 0]), torch.tensor([1, 1, 2, 1])
    points = torch.tensor([[11.0, 9.0], [11.0, 9.0], [11.0, 9.0], [-50.0, 900.0]])
    with torch.inference_mode():
        found = net.boxes(features, word, points, name)
        assert found.shape == (4, 4) and torch.isfinite(found).all()
        assert not torch.equal(found[0], found[1]) and not torch.equal(found[1], found[2])
        # Where within its cell a point is, is told from.
        assert (net.boxes(features, word[:1], points[:1] + 0.9, name[:1]) - found[:1]).abs().max() > 1e-3
        # Three cells to either side, not farther, and no other word.
        changed = features.clone()
        changed[1], changed[0, :, :, 9:] = 0, 0
        near = points[:1] - torch.tensor([4.0, 0])
        one, other = (net.boxes(each, word[:1], near, name[:1]) for each in (features, changed))
        torch.testing.assert_close(one, other)


# --- training ---------------------------------------------------------------------------------------------------------

SAMPLES = [sample([1, 2, 3]), sample([4, 1]), sample([2, 4], height=40), sample([3, 3], pinned=1)]


def test_losses_fall_and_the_net_says_where_characters_are() -> None:
    torch.manual_seed(0)
    net = XyNet(5)
    reports: list[tuple[str, int, int]] = []
    first = train_points(net, SAMPLES, Schedule(3, 1e-4, 0), lambda *each: reports.append(each))
    later = train_points(net, SAMPLES, Schedule(60, 3e-3, 0), silent)
    assert reports == [("learn", step, 3) for step in range(4)]
    assert later["class_loss"] < 0.6 * first["class_loss"]
    assert later["box_loss"] < 0.5 * first["box_loss"]
    assert not net.training
    this = SAMPLES[0]
    with torch.inference_mode():
        features = net.features(pad([this.pixels], REACH))
        said = torch.softmax(net.logits(features), 1)[0]
        middle = torch.from_numpy((this.boxes[:, :2] + this.boxes[:, 2:]) / 2)
        edges = net.boxes(features, torch.zeros(3, dtype=torch.int64), middle, torch.from_numpy(this.classes))
    for k, name in enumerate(this.classes):
        row, column = divmod(int(said[name].argmax()), said.shape[2])
        assert (column + 0.5) * CELL[1] == pytest.approx(float(middle[k, 0]), abs=4)
        assert (row + 0.5) * CELL[0] == pytest.approx(float(middle[k, 1]), abs=5)
    expected = torch.from_numpy(this.boxes) - middle.repeat(1, 2)
    assert (edges * CORE - expected).abs().mean() < 2.5


def test_without_the_box_head_it_stays_as_it_was() -> None:
    torch.manual_seed(0)
    net = XyNet(5)
    before = {name: each.clone() for name, each in net.box.state_dict().items()}
    learned = train_points(net, SAMPLES, Schedule(2, 1e-3, 0), silent, with_boxes=False)
    assert list(learned) == ["class_loss"]
    assert all(torch.equal(each, before[name]) for name, each in net.box.state_dict().items())


def test_nothing_believed_anywhere_is_survived() -> None:
    torch.manual_seed(0)
    unknown = replace(SAMPLES[0], boxes=np.full((3, 4), np.nan, np.float32))
    learned = train_points(XyNet(5), [unknown], Schedule(2, 1e-3, 0), silent)
    assert np.isfinite(list(learned.values())).all()


def test_from_transcripts_alone_the_loss_falls() -> None:
    torch.manual_seed(0)
    net = XyNet(5)
    unknown = [replace(each, boxes=np.full_like(each.boxes, np.nan), pinned=each.pinned & False) for each in SAMPLES]
    first, _ = train_flat(net, unknown, Schedule(3, 1e-4, 0), 0.3, silent)
    later, prior = train_flat(net, unknown, Schedule(40, 3e-3, 0), 0.3, silent)
    assert later["flat_loss"] < 0.7 * first["flat_loss"]
    assert prior.shape == (5,) and prior.dtype == np.float32
    assert np.exp(prior).sum() == pytest.approx(1, abs=1e-3)


def test_learning_is_repeatable() -> None:
    states = []
    for seed in (0, 0, 1):
        torch.manual_seed(7)
        net = XyNet(5)
        train_points(net, SAMPLES, Schedule(2, 1e-3, seed), silent)
        states.append(torch.cat([each.flatten().float() for each in net.state_dict().values()]))
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])
