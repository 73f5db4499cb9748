"""Regions of a word, what is believed to be in them, and a net that judges them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from charloc.descent import Schedule
from charloc.ink import find_ink
from charloc.learning import distort
from charloc.learning_regions import REGIONS, collate, train_regions
from charloc.methods._learner import believed, look
from charloc.metrics import iou
from charloc.nets import REACH, STRIDE
from charloc.nets_regions import BESIDE, BINS, ROW_STRIDE, RegionNet, pool
from charloc.normalise import CORE, HEIGHT, view
from charloc.regions import believed_regions, find_regions, overlaps, refined
from charloc.spans import find_spans
from charloc.synth import render_set
from charloc.text import Charset
from charloc.types import Localization


def lesson() -> tuple:
    """A rendered word's look, its regions, and what they are if its true boxes are believed."""
    rendered = render_set(6, 3, hard=True)[2]
    word = rendered.word(0)
    seen = look(word)
    spans = find_spans(seen.ink, 3.2, len(word.characters))
    regions = find_regions(spans, seen.view)
    charset = Charset.of([word.characters])
    truth = Localization(rendered.boxes, np.ones(len(rendered.boxes), np.float32), 0.0, "true")
    sample, _ = believed(seen, word, truth, (), charset)
    return rendered, seen, spans, regions, sample, believed_regions(sample, regions)


def test_a_region_is_the_box_of_the_ink_between_two_cuts() -> None:
    pixels = np.full((60, 90), 255, np.uint8)
    pixels[20:40, 10:26] = pixels[16:40, 50:70] = 0
    ink = find_ink(pixels)
    seen = view(ink)
    spans = find_spans(ink, 9.0, 2)
    regions = find_regions(spans, seen)
    one, other = seen.frames(np.array([10, 26]), 1), seen.frames(np.array([50, 70]), 1)
    wanted = np.array([[*one], [*other], [one[0], other[1]]])
    for x0, x1 in wanted:
        assert np.abs(regions.boxes[:, [0, 2]] - (x0, x1)).max(axis=1).min() < 1
    assert (regions.boxes[:, 2:] > regions.boxes[:, :2]).all()
    assert (spans.width[regions.start, regions.reach] > 0).all()


def test_overlap_is_that_of_the_metrics() -> None:
    rng = np.random.default_rng(0)
    boxes, others = (np.sort(rng.uniform(0, 9, (7, 2, 2)), axis=1).reshape(7, 4).astype(np.float32) for _ in range(2))
    others[3] = np.nan
    np.testing.assert_allclose(overlaps(boxes, others), iou(boxes[:, None], others[None]), atol=1e-5)


def test_every_character_is_taught_and_parts_of_it_are_not_it() -> None:
    _, _, _, regions, sample, taught = lesson()
    assert set(sample.classes.tolist()) == set(taught.classes[taught.share == 1].tolist())
    assert (taught.classes == 0).sum() > len(sample.classes)
    assert (taught.share[taught.classes == 0] == 0).all()
    assert np.isfinite(taught.offsets).all()
    assert len(taught.boxes) == len(regions.start)


def test_offsets_lead_from_a_region_to_the_believed_box() -> None:
    rendered, seen, _, regions, _, taught = lesson()
    rows = np.flatnonzero(taught.share > 0)
    boxes = refined(seen.ink, seen.view, regions.boxes[rows], taught.offsets[rows])
    distance = np.abs(boxes[:, None] - rendered.boxes[None]).max(axis=2).min(axis=1)
    assert distance.max() < 1.0  # the baseline is measured at the region's middle, and may be skewed


def test_regions_are_pooled_where_they_are() -> None:
    """Of maps whose values are their own view coordinates, pooling reads the coordinates of its samples."""
    rows, columns = torch.meshgrid(torch.arange(12.0), torch.arange(40.0), indexing="ij")
    maps = torch.stack([columns * STRIDE + 0.5, rows * ROW_STRIDE + 1.5])[None]
    box = torch.tensor([[[10.0, 12.0, 26.0, 32.0], [30.0, 8.0, 40.0, 20.0]]])
    x, y = pool(maps, box)[0].reshape(2, 2, *BINS).unbind(dim=1)
    for k in range(2):
        x0, y0, x1, y1 = box[0, k].tolist()
        np.testing.assert_allclose(x[k, 0], np.linspace(x0 - BESIDE, x1 + BESIDE, BINS[1]), atol=1e-3)
        np.testing.assert_allclose(y[k, :, 0], np.linspace(y0 - BESIDE, y1 + BESIDE, BINS[0]), atol=1e-3)


def test_batches_shake_regions_but_not_the_characters_edges() -> None:
    *_, taught = lesson()
    batch = collate([taught, taught], np.random.default_rng(0))
    assert batch.views.shape[2] == HEIGHT and batch.views.shape[3] % STRIDE == 0
    assert batch.boxes.shape == (2, REGIONS, 4)
    assert batch.weights.sum() > 0
    believed_edges = view_edges(taught.boxes, taught.offsets)[taught.classes > 0]
    again = np.random.default_rng(0)
    for b, (_, across, down) in enumerate([distort(taught.pixels, again) for _ in range(2)]):
        here = slice(b * REGIONS, (b + 1) * REGIONS)
        edges = view_edges(batch.boxes[b].numpy(), batch.offsets[here].numpy())[batch.classes[here].numpy() > 0]
        apart = np.abs(edges[:, None] - (across, down, across, down) - believed_edges[None]).max(axis=2)
        assert len(edges)
        assert apart.min(axis=1).max() < 0.01


def view_edges(boxes: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Edges of the characters in regions, in view pixels."""
    return boxes + offsets * CORE * np.array([1, -1, 1, -1])


@pytest.mark.parametrize("width", [9, 40])
def test_the_net_is_not_moved_by_what_is_far_away(width: int) -> None:
    torch.manual_seed(0)
    net = RegionNet(4).eval()
    seen = torch.rand(1, 1, HEIGHT, width + 2 * REACH)
    seen[..., width:] = 0
    box = torch.tensor([[[2.0, 15.0, float(width), 33.0]]])
    with torch.inference_mode():
        alone = net.regions(net.features(seen)[..., : -(-(width + REACH) // STRIDE)], box)
        wide = net.regions(net.features(torch.nn.functional.pad(seen, (0, 60))), box)
    torch.testing.assert_close(alone, wide, atol=1e-4, rtol=1e-4)
    assert sum(each.numel() for each in RegionNet(90).parameters()) < 200_000


def test_losses_fall() -> None:
    *_, sample, taught = lesson()
    torch.manual_seed(0)
    net = RegionNet(int(sample.classes.max()) + 1)
    reports: list[tuple[str, int, int]] = []
    first = train_regions(net, [taught] * 4, Schedule(3, 1e-3, 0), lambda *report: reports.append(report))
    later = train_regions(net, [taught] * 4, Schedule(40, 3e-3, 0), lambda *_: None)
    assert reports == [("learn", step, 3) for step in range(4)]
    assert later["class_loss"] < 0.7 * first["class_loss"]
    assert later["box_loss"] < 0.7 * first["box_loss"]
    assert not net.training
