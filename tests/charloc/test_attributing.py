"""The methods gradient and masking on rendered words: ctc's net, little trained, and what they make of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest

from charloc.em import first_guess
from charloc.methods import METHODS, Checkpoint, Method, ctc, make
from charloc.methods._attributing import Attributed, Attributing, owners
from charloc.methods._learner import look
from charloc.methods.ctc import Ctc
from charloc.metrics import scores, word_errors
from charloc.synth import Rendered, load_font, render
from charloc.types import CharlocError, CheckpointError, Localization, Pin, Pins, TrainingSet, WordImage

NAMES = ("gradient", "masking")
CHEAP = {"gradient": {"samples": 2}, "masking": {"width": 8, "stride": 4}}


@pytest.fixture(scope="module", autouse=True)
def few_steps() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ctc, "LEAST", 80)
        patch.setattr(ctc, "MOST", 80)
        # The same arithmetic on every processor.
        patch.setenv("CHARLOC_FLOAT32", "1")
        yield


@dataclass(frozen=True)
class Learned:
    rendered: list[Rendered]
    words: list[WordImage]
    guess: list[Localization]
    checkpoint: Checkpoint

    def method(self, name: str, **settings: object) -> Attributing:
        method = make(name, self.checkpoint, **{**CHEAP[name], **settings})
        assert isinstance(method, Attributing)
        return method


@pytest.fixture(scope="module")
def learned(few_steps: None) -> Learned:
    rendered = simple_words(48)
    words = [each.word(i) for i, each in enumerate(rendered)]
    nothing: list[Pins] = [()] * len(words)
    guess = first_guess(words, nothing, first="guess")
    method = Ctc()
    method.m_step(TrainingSet(words, guess, nothing, np.ones(len(words), np.float32)))
    return Learned(rendered, words, guess, method.checkpoint())


def simple_words(count: int) -> list[Rendered]:
    """Few letters in one font: quickly learned."""
    rng = np.random.default_rng(5)
    font = load_font(None, 34)
    out = []
    for _ in range(count):
        text = "".join(rng.choice(list("aenotw"), rng.integers(2, 8)))
        out.append(render(text, font, rng))
    return out


def free(words: list[WordImage]) -> list[Pins]:
    return [()] * len(words)


# --- where characters are ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("region", ["ink", "attribution"])
@pytest.mark.parametrize("name", NAMES)
def test_most_characters_are_found(learned: Learned, name: str, region: str) -> None:
    words, rendered = learned.words[:24], learned.rendered[:24]
    found = learned.method(name, region=region).e_step(words, free(words))
    figures = scores(word_errors(a.boxes, b.boxes) for a, b in zip(rendered, found, strict=True))
    assert figures.dx_med < 0.12
    assert figures.r50 > 0.75
    for word, each in zip(words, found, strict=True):
        assert each.method == name
        height, width = word.pixels.shape
        assert (each.boxes[:, :2] >= 0).all() and (each.boxes[:, 2:] <= (width, height)).all()
        assert ((each.confidence >= 0) & (each.confidence <= 1)).all()


@pytest.mark.parametrize("name", NAMES)
def test_what_is_important_to_a_character_is_on_its_ink(learned: Learned, name: str) -> None:
    words = learned.words[:16]
    looks = [look(word) for word in words]
    shares = []
    for seen, truth, one in zip(
        looks, learned.rendered, learned.method(name).align(words, free(words), looks), strict=False
    ):
        assert isinstance(one, Attributed)
        assert len(one.places.columns) == len(truth.boxes)
        left = (seen.ink.upright_column(truth.boxes[:, 0], seen.ink.bottom) - seen.view.origin) * seen.view.scale
        right = (seen.ink.upright_column(truth.boxes[:, 2], seen.ink.bottom) - seen.view.origin) * seen.view.scale
        profile = one.places.importance.sum(axis=1)
        middle = np.arange(profile.shape[1]) + 0.5
        near = (middle > left[:, None] - 4) & (middle < right[:, None] + 4)
        shares += (profile * near).sum(axis=1).tolist()
    assert np.median(shares) > 0.6


@pytest.mark.parametrize("name", NAMES)
def test_one_by_one_or_in_batches_it_is_the_same(learned: Learned, name: str) -> None:
    words = learned.words[:20]
    method = learned.method(name)
    together = method.e_step(words, free(words))
    widths = [word.pixels.shape[1] for word in words]
    for i in (int(np.argmin(widths)), int(np.argmax(widths)), 5):
        (alone,) = method.e_step([words[i]], [()])
        np.testing.assert_allclose(alone.boxes, together[i].boxes, atol=1e-3)
        np.testing.assert_allclose(alone.confidence, together[i].confidence, atol=1e-3)
        assert alone.score == pytest.approx(together[i].score, abs=1e-2)
    assert method.e_step([], []) == []


@pytest.mark.parametrize("name", NAMES)
def test_few_maps_are_held_at_once(learned: Learned, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    words = learned.words[:6]
    method = learned.method(name)
    together = method.e_step(words, free(words))
    monkeypatch.setattr("charloc.methods._attributing.MOST_MAPS", 1)
    for one, other in zip(method.e_step(words, free(words)), together, strict=True):
        np.testing.assert_allclose(one.boxes, other.boxes, atol=1e-3)


def test_pixels_go_to_one_of_the_two_points_they_are_between(learned: Learned) -> None:
    word = learned.words[0]
    seen = look(word)
    (one,) = learned.method("gradient").align([word], [()], [seen])
    assert isinstance(one, Attributed)
    points = np.sort(np.random.default_rng(0).uniform(0, seen.ink.upright.shape[1], len(word.characters)))
    found = owners(seen, one, points.astype(np.float32))
    assert ((found > 0) == seen.ink.mask).all()
    ys, xs = np.nonzero(seen.ink.mask)
    upright = seen.ink.upright_column(xs + 0.5, ys + 0.5)
    for k, at in enumerate(points):
        mine = upright[found[ys, xs] == k + 1]
        if k > 0:
            assert (mine >= points[k - 1] - 0.1).all()
        if k + 1 < len(points):
            assert (mine <= points[k + 1] + 0.1).all()
        assert np.isfinite(at)


# --- pins, and words that are no words --------------------------------------------------------------------------------


@pytest.mark.parametrize("region", ["ink", "attribution"])
@pytest.mark.parametrize("name", NAMES)
def test_pinned_characters_come_back_exactly(learned: Learned, name: str, region: str) -> None:
    i = next(i for i, word in enumerate(learned.words) if len(word.characters) >= 5)
    box = tuple((learned.rendered[i].boxes[2] + [0.3, -0.2, 1.7, 0.1]).astype(float).tolist())
    pins = (Pin(2, box), Pin(4, None, "invisible"))
    (found,) = learned.method(name, region=region).e_step([learned.words[i]], [pins])
    np.testing.assert_array_equal(found.boxes[2], np.array(box, np.float32))
    assert np.isnan(found.boxes[4]).all()
    assert found.confidence[[2, 4]].tolist() == [1, 1]
    assert np.isfinite(found.boxes[[0, 1, 3]]).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_pin_moves_the_points_of_the_others(learned: Learned, name: str) -> None:
    """The third character said to be where the fourth is: nothing after it is left of that, nothing before it right."""
    i = next(i for i, word in enumerate(learned.words) if len(word.characters) >= 6)
    word, boxes = learned.words[i], learned.rendered[i].boxes
    pins = (Pin(2, tuple(boxes[3].astype(float).tolist())),)
    seen = look(word)
    method = learned.method(name)
    (one,) = method.align([word], [pins], [seen])
    assert isinstance(one, Attributed)
    points = method._points(seen, one, word.characters)
    middle, at = boxes[3, [0, 2]].mean(), seen.ink.place(points)[0]
    slack = 0.5 * seen.ink.core
    assert boxes[3, 0] - slack <= at[2] <= boxes[3, 2] + slack
    assert (at[:2] <= middle + slack).all() and (at[3:] >= middle - slack).all()


@pytest.mark.parametrize("region", ["ink", "attribution"])
@pytest.mark.parametrize("name", NAMES)
def test_contradicting_pins_do_not_end_a_round(learned: Learned, name: str, region: str) -> None:
    """The facts are kept as they are; the rest is localized as if there were none."""
    pins = (Pin(0, (30.0, 5.0, 40.0, 20.0)), Pin(1, (10.0, 5.0, 20.0, 20.0)))
    hidden = (*pins, Pin(2, None, "invisible"))
    method, word = learned.method(name, region=region), next(w for w in learned.words if len(w.characters) > 3)
    (found,) = method.e_step([word], [pins])
    assert found.boxes[:2].tolist() == [[30, 5, 40, 20], [10, 5, 20, 20]]
    assert np.isfinite(found.boxes[2:]).all()
    (found,) = method.e_step([word], [hidden])
    assert np.isnan(found.boxes[2]).all()
    everything = tuple(Pin(i, None, "invisible") for i in range(len(word.characters)))
    (found,) = method.e_step([word], [everything])
    assert np.isnan(found.boxes).all()


@pytest.mark.parametrize("name", NAMES)
def test_more_characters_than_columns_do_not_end_a_round(learned: Learned, name: str) -> None:
    word = WordImage(1, "n.png", np.full((20, 3), 255, np.uint8), ("a", "b", " ", "א", "ב"))
    (found,) = learned.method(name).e_step([word], [()])
    assert not found.confidence.any()
    assert np.isnan(found.boxes[2]).all()
    long = replace(learned.words[0], characters=("e",) * 900)
    (found,) = learned.method(name).e_step([long], [()])
    assert not found.confidence.any()


@pytest.mark.parametrize("region", ["ink", "attribution"])
@pytest.mark.parametrize(
    ("shape", "text"), [((1, 1), "a"), ((30, 40), "ae e"), ((8, 3000), "ane"), ((700, 9), "ae"), ((20, 30), " ")]
)
@pytest.mark.parametrize("name", NAMES)
def test_pictures_without_ink_and_of_strange_size(
    learned: Learned, name: str, shape: tuple[int, int], text: str, region: str
) -> None:
    word = WordImage(1, "plain", np.full(shape, 255, np.uint8), tuple(text))
    (found,) = learned.method(name, region=region).e_step([word], [()])
    space = np.array([c == " " for c in text])
    assert np.isnan(found.boxes[space]).all() and np.isfinite(found.boxes[~space]).all()


@pytest.mark.parametrize("region", ["ink", "attribution"])
@pytest.mark.parametrize("name", NAMES)
def test_characters_never_seen_go_between_their_neighbours(learned: Learned, name: str, region: str) -> None:
    i = next(i for i, word in enumerate(learned.words) if len(word.characters) >= 5)
    characters = learned.words[i].characters
    strange = "\N{GEORGIAN LETTER AN}"
    some = replace(learned.words[i], characters=(*characters[:2], strange, *characters[3:]))
    every = replace(some, characters=(strange,) * len(characters))
    for found in learned.method(name, region=region).e_step([some, every], [(), ()]):
        assert np.isfinite(found.boxes).all()
        assert (np.diff(found.boxes[:, 0] + found.boxes[:, 2]) > 0).all()
        assert found.confidence[2] == 0


@pytest.mark.parametrize("name", NAMES)
def test_spaces_have_no_boxes(learned: Learned, name: str) -> None:
    one, other = learned.rendered[1], learned.rendered[2]
    height = max(one.pixels.shape[0], other.pixels.shape[0])
    parts = [
        np.pad(each.pixels, ((0, height - each.pixels.shape[0]), (0, 12)), constant_values=250) for each in (one, other)
    ]
    word = WordImage(1, "line", np.hstack(parts), tuple(f"{one.text} {other.text}"))
    (found,) = learned.method(name).e_step([word], [()])
    space = word.characters.index(" ")
    assert np.isnan(found.boxes[space]).all()
    middle = found.boxes[:, [0, 2]].mean(axis=1)
    assert (middle[:space] < parts[0].shape[1]).all() and (middle[space + 1 :] > one.pixels.shape[1] - 12).all()


# --- what is kept, settings -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_it_is_a_method_that_learns_what_ctc_learns(
    learned: Learned, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ctc, "LEAST", 8)
    monkeypatch.setattr(ctc, "MOST", 8)
    words = learned.words[:6]
    some = TrainingSet(words, learned.guess[:6], free(words), np.ones(6, np.float32))
    mine, its = make(name), Ctc()
    assert isinstance(mine, Method) and mine.learns and mine.honours_pins
    assert METHODS[name].kin == ("ctc",)
    mine.m_step(some)
    its.m_step(some)
    kept, other = mine.checkpoint(), its.checkpoint()
    assert kept.settings["method"] == name
    for key, tensor in other.tensors.items():
        np.testing.assert_array_equal(kept.tensors[key], tensor)
    again = make(name, kept)
    for one, same in zip(mine.e_step(words, free(words)), again.e_step(words, free(words)), strict=True):
        np.testing.assert_array_equal(one.boxes, same.boxes)


def test_its_kin_do_not_take_its_checkpoint(learned: Learned) -> None:
    with pytest.raises(CheckpointError, match="of the method 'gradient', not 'ctc'"):
        Ctc(learned.method("gradient").checkpoint())
    with pytest.raises(CharlocError, match="learned nothing yet"):
        make("masking").e_step(learned.words[:1], [()])


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("gradient", {"refine": "smooth"}, "refine is 'smooth'; it can be integrated or none"),
        ("gradient", {"samples": 0}, "samples is 0; it can be 1 to 64"),
        ("gradient", {"region": "box"}, "region is 'box'; it can be ink or attribution"),
        ("masking", {"width": 0}, "width is 0; it can be 1 to 48"),
        ("masking", {"stride": 7}, "stride is 7; it can be 1 to the bar's width, 6"),
        ("masking", {"alignment": "best"}, "alignment is 'best'"),
    ],
)
def test_settings_that_cannot_be(name: str, settings: dict[str, object], message: str) -> None:
    with pytest.raises(CharlocError, match=message):
        make(name, None, **settings)
