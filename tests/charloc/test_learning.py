"""What is learned from: targets where the spans are, padding that does not count, augmentation that moves both."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from charloc.descent import Schedule
from charloc.learning import Sample, augment, check_device, collate, parted, train, train_boxes
from charloc.nets import REACH, STRIDE, Around, SegmentalNet
from charloc.normalise import HEIGHT
from charloc.types import CharlocError


def sample(width: int = 40, pinned: float = 1.0, repeat: int = 1) -> Sample:
    """Two characters, at frames 3-7 and 9-14, and a space; bright where they are."""
    pixels = np.zeros((HEIGHT, width), np.uint8)
    pixels[17:33, 6:14] = pixels[17:33, 18:28] = 255
    spans = np.array([[3, 7], [np.nan, np.nan], [9, 14]], np.float32)
    edges = np.array([[-0.25, 1, 0.25, 0], [np.nan] * 4, [-0.3, 1, 0.3, 0]], np.float32)
    return Sample(pixels, np.array([1, 0, 2]), spans, edges, np.array([0.5, 0.3, pinned], np.float32), repeat)


def test_targets_are_where_the_spans_are_and_padding_does_not_count() -> None:
    batch = collate([sample(40), sample(61)], None)
    assert batch.views.shape == (2, 1, HEIGHT, 62)
    assert batch.views.max() == 1
    expected = [0, 0, 0, 1, 1, 1, 1, 0, 0, 2, 2, 2, 2, 2] + [0] * 17
    assert batch.targets.tolist() == [expected, expected]
    assert (batch.frame_weights[0, 20:] == 0).all()
    assert (batch.frame_weights[1] > 0).all()
    assert batch.frame_weights[0, 3:7].tolist() == [0.5] * 4
    assert batch.word.tolist() == [0, 0, 1, 1]
    assert batch.name.tolist() == [1, 2, 1, 2]
    assert list(zip(batch.start.tolist(), batch.end.tolist(), strict=True)) == [(3, 7), (9, 14)] * 2
    np.testing.assert_allclose(batch.edges[1], [-0.3, 1, 0.3, 0])


def test_a_frame_is_one_character_s_but_spans_are_as_they_were_found() -> None:
    """Where ink leans over its neighbour's the two spans overlap; frames of both go half and half, in any order."""
    this = sample()
    this.spans[0], this.spans[2] = (9, 16), (3, 13)
    batch = collate([this], None)
    assert batch.targets.tolist() == [[0, 0, 0] + [2] * 8 + [1] * 5 + [0] * 4]
    assert list(zip(batch.start.tolist(), batch.end.tolist(), strict=True)) == [(9, 16), (3, 13)]


@given(arrays(np.float32, st.tuples(st.integers(0, 6), st.just(2)), elements=st.floats(0, 50, width=32)))
def test_parted_spans_do_not_overlap_and_others_stay(drawn: np.ndarray) -> None:
    spans = np.sort(drawn, axis=1)
    spans[1:2] = np.nan
    out = parted(spans)
    np.testing.assert_array_equal(np.isnan(out), np.isnan(spans))
    known = np.flatnonzero(np.isfinite(spans[:, 0]))
    in_order = known[np.argsort(spans[known].mean(axis=1), kind="stable")]
    assert all(out[one, 1] <= out[other, 0] for one, other in pairwise(in_order))
    assert (out[known, 0] <= out[known, 1]).all()
    if all(spans[one, 1] <= spans[other, 0] for one, other in pairwise(in_order)):
        np.testing.assert_array_equal(out, spans)


def test_a_span_under_another_is_not_turned_around() -> None:
    """As under the arm of an f that is followed by a full stop; and what stands in another order stays."""
    spans = np.array([[0, 10], [2, 4], [5, 12]], dtype=np.float32)
    np.testing.assert_array_equal(parted(spans, [0, 1, 2]), spans)
    np.testing.assert_array_equal(parted(spans, [1, 0, 2]), [[3, 7.5], [2, 3], [7.5, 12]])
    arm = np.array([[0, 10], [6, 9]], dtype=np.float32)
    np.testing.assert_array_equal(parted(arm, [0, 1]), [[0, 7.5], [7.5, 9]])


def test_pinned_characters_count_as_they_weigh() -> None:
    batch = collate([sample(pinned=8.0)], None)
    assert batch.character_weights.tolist() == [0.5, 8.0]
    assert batch.frame_weights[0, 10] == 8.0


def test_a_word_without_a_box_is_all_background() -> None:
    this = sample()
    this.spans[:] = np.nan
    batch = collate([this], np.random.default_rng(0))
    assert not batch.targets.any()
    assert batch.character_weights.sum() == 0
    assert torch.isfinite(batch.edges).all()


def test_augmentation_moves_the_view_and_its_spans_alike() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        pixels, spans = augment(sample(60), rng)
        assert pixels.dtype == spans.dtype == np.float32
        assert pixels.min() >= 0 and pixels.max() <= 1
        # At the middle of the core the shear moves nothing.
        row = pixels[23:28].mean(axis=0)
        middle = (row[15:32] * (np.arange(15, 32) + 0.5)).sum() / row[15:32].sum()
        assert middle == pytest.approx(STRIDE * float(spans[2].mean()), abs=0.8)


def test_jittered_spans_tell_the_same_edges() -> None:
    """Edges are told from the span's middle: where that moves by a frame, they move the other way."""
    rng = np.random.default_rng(1)
    for _ in range(20):
        batch = collate([sample()], rng)
        middle = (batch.start[0] + batch.end[0]).item() / 2
        left = middle * STRIDE / 16 + batch.edges[0, 0].item()
        assert left == pytest.approx(5 * STRIDE / 16 - 0.25, abs=1.0 / 16 + 1e-4)  # the view itself moved up to a pixel


@pytest.mark.parametrize("width", [8, 9, 40])
def test_the_net_sees_no_farther_than_it_says(width: int) -> None:
    """What is beyond `REACH` of a frame changes nothing in it; a batch is padded by that much."""
    torch.manual_seed(0)
    net = SegmentalNet(4).eval()
    for each in net.modules():
        if isinstance(each, Around):
            torch.nn.init.ones_(each.layers[-1].weight)  # as if it had learned
    view = torch.rand(1, 1, HEIGHT, width + REACH + REACH % STRIDE)
    view[..., width:] = 0
    wider = torch.nn.functional.pad(view, (0, 50))
    with torch.inference_mode():
        features, more = net.features(view), net.features(wider)
        frames = -(-width // STRIDE)
        torch.testing.assert_close(features[..., :frames], more[..., :frames], atol=1e-5, rtol=1e-5)
        assert features.shape[2] == -(-view.shape[3] // STRIDE)
        logits = net.logits(features)
        assert logits.shape == (1, 4, features.shape[2])


def test_a_net_that_never_looked_around_is_the_same_with_that_part() -> None:
    """Checkpoints of earlier versions lack it."""
    torch.manual_seed(0)
    net = SegmentalNet(4).eval()
    view = torch.rand(2, 1, HEIGHT, 60)
    with torch.inference_mode():
        plain = net.frames(view).squeeze(2)
        assert torch.equal(net.features(view), plain)
        torch.nn.init.ones_(net.around[1].layers[-1].weight)
        assert not torch.equal(net.features(view), plain)


def test_another_device_that_is_not_there_is_said() -> None:
    for device in ("cuda:99", "nonsense"):
        with pytest.raises(CharlocError, match=f"{device}.* --device"):
            check_device(device)
    check_device("cpu")


def test_losses_fall() -> None:
    torch.manual_seed(0)
    net = SegmentalNet(3)
    reports: list[tuple[str, int, int]] = []
    samples = [sample(40), sample(44)]
    first = train(net, samples, Schedule(3, 1e-3, 0), lambda *report: reports.append(report))
    later = train(net, samples, Schedule(30, 3e-3, 0), lambda *_: None)
    assert reports == [("learn", step, 3) for step in range(4)]
    assert later["frame_loss"] < 0.7 * first["frame_loss"]
    assert later["box_loss"] < 0.7 * first["box_loss"]
    assert not net.training


def test_the_box_head_alone_learns_where_boxes_end_beyond_their_spans() -> None:
    torch.manual_seed(0)
    net = SegmentalNet(3)
    before = {name: each.clone() for name, each in net.state_dict().items()}
    reports: list[tuple[str, int, int]] = []
    loss = train_boxes(net, [sample()] * 8, Schedule(120, 3e-3, 0), lambda *report: reports.append(report))
    changed = {name.split(".")[0] for name, each in net.state_dict().items() if not torch.equal(each, before[name])}
    assert changed == {"box", "name"}
    assert not net.training
    assert reports == [("learn boxes", step, 120) for step in range(121)]
    batch = collate([sample()], None)
    with torch.inference_mode():
        edges = net.boxes(net.features(batch.views), batch.word, batch.start, batch.end, batch.name)
    assert (edges - batch.edges).abs().max() < 0.1
    assert loss < 0.2
