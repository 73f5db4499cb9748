"""Under pins a taught net says where characters are cut: overlapping boxes push no neighbour away."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charloc import pretrained
from charloc.layout import ShapeCosts, shape_costs
from charloc.methods import segmental
from charloc.methods.segmental import Segmental
from charloc.metrics import iou
from charloc.synth import Degradation, Rendered, load_font, render
from charloc.types import Pin

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
    assert spoiled(segmental.shape_under, monkeypatch) == 0
    assert spoiled(as_fixed, monkeypatch) > 0, "else these words say nothing"


def test_only_a_net_that_was_taught_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What another net says of boxes it has learned from cuts: there a pin is where its box ends, as before."""
    rendered = overlapping("feather")
    word = rendered.word(0)
    pins = (Pin(1, tuple(map(float, rendered.boxes[1]))),)
    method = Segmental(pretrained.shipped())
    method.taught = 0
    one = method.solve(word, method.prepare(word), pins)
    monkeypatch.setattr(segmental, "shape_under", as_fixed)
    other = method.solve(word, method.prepare(word), pins)
    np.testing.assert_array_equal(one.boxes, other.boxes)


@settings(max_examples=25, deadline=None)
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
