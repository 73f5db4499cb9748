"""Under pins a taught net says where characters are cut: overlapping boxes push no neighbour away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charloc import pretrained
from charloc.evidence import net_boxes
from charloc.layout import Expected, ShapeCosts, shape_costs, solve
from charloc.methods import _held, segmental
from charloc.methods._held import shape_under
from charloc.methods._learner import look
from charloc.methods._looks import Seen
from charloc.methods.segmental import Segmental
from charloc.metrics import iou
from charloc.nets import SegmentalNet
from charloc.spans import Spans
from charloc.synth import Degradation, Rendered, load_font, render
from charloc.types import Pin, Pins

ITALIC = str(Path(mpl.get_data_path()) / "fonts" / "ttf" / "STIXGeneralItalic.ttf")
TEXTS = ("feather", "yellow", "alphabet")


@cache
def taught() -> Segmental:
    return Segmental(pretrained.shipped())


@cache
def overlapping(text: str) -> Rendered:
    """Leaning letters so close that their boxes overlap."""
    return render(text, load_font(ITALIC, 40), np.random.default_rng(0), Degradation(tracking_px=-5))


def as_fixed(*arguments: object) -> ShapeCosts:
    """What pins were before they were boxes: cuts at the box's edges."""
    _, _, fixed, spans, expected, *_ = arguments
    return shape_costs(spans, expected, fixed)  # type: ignore[arg-type]


def spoiled(shape: Callable[..., ShapeCosts], monkeypatch: pytest.MonkeyPatch) -> int:
    """How many other characters one true box makes wrong, over all characters of all texts."""
    monkeypatch.setattr(segmental, "shape_under", shape)
    wrong = 0
    for text in TEXTS:
        rendered, method = overlapping(text), taught()
        word = rendered.word(0)
        looks = method.prepare(word)
        for k, box in enumerate(rendered.boxes):
            found = method.solve(word, looks, (Pin(k, tuple(map(float, box))),))
            wrong += int((np.delete(iou(rendered.boxes, found.boxes), k) < 0.5).sum())
    return wrong


def test_a_box_over_its_neighbours_leaves_them_where_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    assert spoiled(shape_under, monkeypatch) == 0
    assert spoiled(as_fixed, monkeypatch) > 0, "else these words say nothing"


@dataclass(frozen=True)
class Asked:
    """What `shape_under` was asked for a word with some pins."""

    fixed: np.ndarray
    spans: Spans
    expected: Expected
    classes: np.ndarray
    seen: Seen
    order: list[int]

    def shape(self, pins: Pins, taught: np.ndarray, order: list[int] | None = None) -> ShapeCosts:
        net = taught_net()
        return shape_under(
            pins, order or self.order, self.fixed, self.spans, self.expected, self.classes, taught, net, self.seen
        )


def taught_net() -> SegmentalNet:
    net = taught().net
    assert net is not None
    return net


def asked(text: str, pins: Pins) -> Asked:
    with pytest.MonkeyPatch.context() as patch:
        kept: list[Asked] = []
        real = segmental.shape_under

        def keep(pins: Pins, order: list[int], fixed: np.ndarray, spans: Spans, expected: Expected,
                 classes: np.ndarray, known: np.ndarray, net: SegmentalNet, seen: Seen) -> ShapeCosts:  # fmt: skip
            kept.append(Asked(fixed, spans, expected, classes, seen, order))
            return real(pins, order, fixed, spans, expected, classes, known, net, seen)

        patch.setattr(segmental, "shape_under", keep)
        word = overlapping(text).word(0)
        (seen,) = taught()._see([look(word)])
        taught()._lay(word, pins, seen)
    return kept[0]


def pins_of(text: str, *indices: int) -> Pins:
    return tuple(Pin(k, tuple(map(float, overlapping(text).boxes[k]))) for k in indices)


def test_a_span_costs_what_the_net_s_box_of_it_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever way the text reads: a pinned character is the one at its place in the layout."""
    pins = pins_of("feather", 1, 4)
    for order in ([0, 1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1, 0]):
        at = {order.index(pin.index): pin for pin in pins}
        this = asked("feather", pins_of("feather", *sorted(at)))
        shape = this.shape(pins, np.ones(7, bool), order)
        monkeypatch.setattr(_held, "OFF_COST", 0.0)
        free = this.shape(pins, np.ones(7, bool), order)
        monkeypatch.undo()
        extra = np.nan_to_num(shape.costs, posinf=0) - np.nan_to_num(free.costs, posinf=0)
        assert np.flatnonzero(extra.any(axis=(1, 2))).tolist() == sorted(at)
        for row, pin in at.items():
            assert np.count_nonzero(extra[row]) > 20
            for start, length in np.argwhere(np.isfinite(shape.costs[row]))[::7]:
                span = np.array([start]), np.array([start + 1 + length])
                view, ink, features = this.seen.look.view, this.seen.look.ink, this.seen.features
                (box,) = net_boxes(taught_net(), ink, view, this.spans, *span, this.classes[[row]], features)
                off = np.abs(box - np.array(pin.box)).mean() / ink.core
                assert extra[row, start, length] == pytest.approx(_held.OFF_COST * off, rel=1e-3, abs=1e-3)


def test_boundaries_are_free_within_a_taught_box_and_else_as_they_were_fixed() -> None:
    pins = pins_of("feather", 2, 3)
    this = asked("feather", pins)
    at = np.searchsorted(this.spans.columns, this.fixed[2:5])
    nobody, every = np.zeros(7, bool), np.ones(7, bool)
    assert this.shape(pins, nobody).windows[2:5].tolist() == [[cut, cut] for cut in at]
    np.testing.assert_array_equal(
        this.shape(pins, nobody).costs, shape_costs(this.spans, this.expected, this.fixed).costs
    )
    both = this.shape(pins, every).windows[2:5]
    assert (both[:, 0] <= at).all() and (at <= both[:, 1]).all() and (both[:, 0] < both[:, 1]).all()
    ink = this.seen.look.ink
    x0, y0, x1, y1 = overlapping("feather").boxes[2]
    left, right = (float(ink.upright_column(x, (y0 + y1) / 2)) for x in (x0, x1))
    within = this.spans.columns[both[0]]
    assert left - 0.16 * ink.core <= within[0] and within[1] <= right + 0.16 * ink.core
    # A boundary of a character that nothing taught stays where it is held, whoever is beside it.
    one = this.shape(pins, np.arange(7) == 2).windows[2:5]
    assert one[0, 0] < one[0, 1] and one[1:].tolist() == [[cut, cut] for cut in at[1:]]


def test_where_boundaries_were_fixed_there_stays_a_layout() -> None:
    """Pins may be pushed aside by others, out of their own boxes."""
    pins = pins_of("feather", 2)
    this = asked("feather", pins)
    aside = this.fixed.copy()
    aside[2:4] = this.spans.columns[[-6, -5]]
    shape = replace(this, fixed=aside).shape(pins, np.ones(7, bool))
    cuts = len(this.spans.columns)
    assert shape.windows[2, 1] >= cuts - 6 and shape.windows[3, 1] >= cuts - 5
    assert np.isfinite(solve(this.spans, this.expected, shape=shape).cost)


def test_a_box_over_half_a_line_makes_no_wide_spans_and_moves_few_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """With spans as wide as the box the same is found, and takes the memory that they take."""
    text = "feathers are yellow as a rule but"
    rendered = render(text, load_font(ITALIC, 40), np.random.default_rng(0))
    word, pinned = rendered.word(0), text.index("y")
    looks = taught().prepare(word)
    x0, y0, x1, y1 = map(float, rendered.boxes[pinned])
    aside = (x1 - x0) * 12
    pins = (Pin(pinned, (x0 - aside, y0, x1 + aside, y1)),)
    free, found = taught().solve(word, looks, ()), taught().solve(word, looks, pins)
    np.testing.assert_array_equal(found.boxes[pinned], np.array(pins[0].box, np.float32))
    assert (np.abs(np.nan_to_num(found.boxes - free.boxes)) > 1).any(axis=1).sum() <= 3
    narrow = taught()._lay(word, pins, looks.own).spans.width.shape[1]
    monkeypatch.setattr(segmental, "farthest_joined", lambda *arguments: None)
    everything = taught().solve(word, looks, pins)
    np.testing.assert_allclose(everything.boxes, found.boxes, atol=1e-3)
    assert taught()._lay(word, pins, looks.own).spans.width.shape[1] > 2 * narrow


def test_between_two_that_are_held_a_box_is_joined_however_wide() -> None:
    """Of a character that nothing taught the boundaries are its box's edges: whoever is between two has them, too."""
    rendered = render("n" * 20, load_font(None, 40), np.random.default_rng(0))
    word = replace(rendered.word(0), characters=tuple("字n字" + "n" * 17))
    left, top, _, bottom = map(float, rendered.boxes[0])
    edges = [left, float(rendered.boxes[0][2]), float(rendered.boxes[12][0]), float(rendered.boxes[12][2])]
    pins = tuple(Pin(k, (edges[k], top, edges[k + 1], bottom)) for k in range(3))
    assert edges[2] - edges[1] > 1.2 * _held.WIDEST * look(word).ink.core
    found = taught().solve(word, taught().prepare(word), pins)
    for pin in pins:
        np.testing.assert_allclose(found.boxes[pin.index], pin.box, atol=1e-3)
    assert np.isfinite(found.boxes).all() and (found.boxes[3:, 0] > edges[2]).all()


@settings(max_examples=25)
@given(st.data())
def test_whatever_is_pinned_in_order_is_kept_and_the_others_have_boxes(data: st.DataObject) -> None:
    rendered = overlapping("feather")
    word, method = rendered.word(0), taught()
    chosen = sorted(data.draw(st.sets(st.integers(0, len(rendered.boxes) - 1), min_size=1)))
    off = data.draw(st.lists(st.floats(-6, 6), min_size=4, max_size=4))
    height, width = word.pixels.shape
    pins = tuple(
        Pin(k, tuple(map(float, np.clip(rendered.boxes[k] + np.array(off), 0, [width, height, width, height]))))
        for k in chosen
    )
    found = method.solve(word, method.prepare(word), pins)
    np.testing.assert_allclose(found.boxes[chosen], [pin.box for pin in pins], atol=1e-4)
    assert np.isfinite(found.boxes).all()
