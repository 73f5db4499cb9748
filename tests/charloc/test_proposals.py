"""Proposals on rendered words, few steps a round: in the transcript's order, and as a bag of characters."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from charloc import checkpoint as on_disk
from charloc.em import RoundResult, first_guess, run_round
from charloc.ink import find_ink
from charloc.layout import expected_glyphs
from charloc.methods import Checkpoint, Method, make, proposals
from charloc.methods.proposals import Choice, Proposals, ProposalsBag, forbid
from charloc.metrics import scores, word_errors
from charloc.pinning import bag_zones
from charloc.spans import find_spans
from charloc.synth import Rendered, render_set
from charloc.types import CharlocError, CheckpointError, Localization, Pin, Pins, TrainingSet, WordImage
from tests.invented import invented_words, said, share_right
from tests.small_rounds import check_few_at_a_time

BOTH = ("proposals", "proposals_bag")


@pytest.fixture(scope="module", autouse=True)
def few_steps() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(proposals, "LEAST_STEPS", 70)
        patch.setattr(proposals, "MOST_STEPS", 70)
        # The same arithmetic on every processor.
        patch.setenv("CHARLOC_FLOAT32", "1")
        yield


@dataclass(frozen=True)
class Learned:
    rendered: list[Rendered]
    words: list[WordImage]
    guess: list[Localization]
    result: RoundResult
    reports: list[tuple[str, int, int]]

    def method(self, name: str = "proposals") -> Proposals:
        """What was learned, as either of the two: both learn the same from the same beliefs."""
        known = self.result.checkpoint
        assert known is not None
        made = make(name, Checkpoint(known.tensors, {**known.settings, "method": name}))
        assert isinstance(made, Proposals)
        return made


@pytest.fixture(scope="module")
def learned(few_steps: object) -> Learned:
    rendered = render_set(60, 21, hard=False)
    words = [each.word(i) for i, each in enumerate(rendered)]
    nothing: list[Pins] = [()] * len(words)
    guess = first_guess(words, nothing, first="guess")
    reports: list[tuple[str, int, int]] = []
    result = run_round("proposals", words, guess, nothing, np.ones(len(words), np.float32), first="guess",
                       progress=lambda *report: reports.append(report))  # fmt: skip
    return Learned(rendered, words, guess, result, reports)


def training(words: list[WordImage], beliefs: list[Localization], **changes: object) -> TrainingSet:
    whole = TrainingSet(words, beliefs, [()] * len(words), np.ones(len(words), np.float32))
    return replace(whole, **changes)  # type: ignore[arg-type]


def r50(rendered: list[Rendered], found: list[Localization]) -> float:
    return scores(word_errors(a.boxes, b.boxes) for a, b in zip(rendered, found, strict=True)).r50


# --- a round ----------------------------------------------------------------------------------------------------------


def test_a_round_keeps_what_the_guess_had_right(learned: Learned) -> None:
    assert r50(learned.rendered, learned.result.localizations) >= r50(learned.rendered, learned.guess) - 0.03
    assert learned.result.learned["steps"] == 70
    for word, found in zip(learned.words, learned.result.localizations, strict=True):
        assert found.method == "proposals"
        height, width = word.pixels.shape
        assert (found.boxes[:, :2] >= 0).all() and (found.boxes[:, 2:] <= (width, height)).all()
        assert (found.boxes[:, 2:] > found.boxes[:, :2]).all()
        assert ((found.confidence >= 0) & (found.confidence <= 1)).all()


def test_progress_of_a_round(learned: Learned) -> None:
    phases = list(dict.fromkeys(phase for phase, _, _ in learned.reports))
    assert phases == ["look", "prepare", "learn", "localize"]
    for phase in phases:
        done = [report[1] for report in learned.reports if report[0] == phase]
        assert done == sorted(done)
        assert {report[2] for report in learned.reports if report[0] == phase} == {done[-1]}


@pytest.mark.parametrize("name", BOTH)
def test_it_is_a_method(learned: Learned, name: str) -> None:
    method = learned.method(name)
    assert isinstance(method, Method)
    assert method.name == name
    assert method.learns and method.honours_pins


@pytest.mark.parametrize("name", BOTH)
def test_one_by_one_or_in_batches_it_is_the_same(learned: Learned, name: str) -> None:
    """A word between wider ones is padded; what it is padded with must not be seen."""
    method = learned.method(name)
    words = learned.words[:20]
    together = method.e_step(words, [()] * len(words))
    widths = [word.pixels.shape[1] for word in words]
    for i in (int(np.argmin(widths)), int(np.argmax(widths)), 5):
        (alone,) = method.e_step([words[i]], [()])
        np.testing.assert_allclose(alone.boxes, together[i].boxes, atol=1e-2)
        np.testing.assert_allclose(alone.confidence, together[i].confidence, atol=1e-3)
        assert alone.score == pytest.approx(together[i].score, abs=1e-2)
    assert method.e_step([], []) == []


@pytest.mark.parametrize("name", BOTH)
def test_large_pictures_are_localized_few_at_a_time(
    monkeypatch: pytest.MonkeyPatch, learned: Learned, name: str
) -> None:
    check_few_at_a_time(monkeypatch, learned.method(name), learned.words[:20])


# --- a bag of characters ----------------------------------------------------------------------------------------------


def test_the_bag_finds_most_without_the_order(learned: Learned) -> None:
    found = learned.method("proposals_bag").e_step(learned.words, [()] * len(learned.words))
    assert r50(learned.rendered, found) > 0.6


def test_the_bag_never_looks_at_the_order(learned: Learned) -> None:
    """The same characters in another order, the space elsewhere: the same regions for the same characters."""
    method = learned.method("proposals_bag")
    for word in [each for each in learned.words if len(set(each.characters)) < len(each.characters)][:5]:
        shuffled = [int(i) for i in np.random.default_rng(0).permutation(len(word.characters))]
        other = replace(word, characters=(*(word.characters[i] for i in shuffled), " "))
        word = replace(word, characters=(*word.characters[:1], " ", *word.characters[1:]))
        one, mixed = (method.e_step([each], [()])[0] for each in (word, other))
        assert np.isnan(mixed.boxes[-1]).all()
        for character in set(word.characters):
            here, there = ([i for i, c in enumerate(each.characters) if c == character] for each in (word, other))
            np.testing.assert_allclose(one.boxes[here], mixed.boxes[there], atol=1e-3)


def test_boxes_nobody_believes_are_dealt_out_anew() -> None:
    """An even split is in the transcript's order: nothing may be learned from that."""
    boxes = np.arange(36, dtype=np.float32).reshape(9, 4)
    boxes[4] = np.nan
    rng = np.random.default_rng(0)
    flat = Localization(boxes, np.zeros(9, np.float32), 0.0, "even")
    dealt = proposals._dealt(flat, (), rng).boxes
    assert np.isnan(dealt[4]).all()
    assert not np.array_equal(dealt[:4], boxes[:4])
    np.testing.assert_array_equal(np.sort(dealt, axis=0), np.sort(boxes, axis=0))
    pinned = replace(flat, confidence=np.array([0, 1, *[0] * 7], np.float32))
    dealt = proposals._dealt(pinned, (Pin(1, (4.0, 5.0, 6.0, 7.0)),), rng).boxes
    np.testing.assert_array_equal(dealt[1], boxes[1])
    assert not np.array_equal(dealt[5:], boxes[5:])
    assert proposals._dealt(pinned, (), rng) is pinned


def test_instances_are_numbered_along_the_line(learned: Learned) -> None:
    """Left to right; in a Hebrew word right to left. No letter is known here: only the ink says where they are."""
    word = max(learned.words, key=lambda each: len(each.characters))
    for letter, sign in (("ქ", 1), ("א", -1)):
        strange = replace(word, characters=(letter,) * len(word.characters))
        (found,) = learned.method("proposals_bag").e_step([strange], [()])
        assert np.isfinite(found.boxes).all()
        assert (sign * np.diff(found.boxes[:, 0]) > 0).all()


def test_what_is_pinned_is_taken_out_of_the_bag(learned: Learned) -> None:
    """One letter twice: pin the second instance on the left, and the other is found elsewhere."""
    i = next(i for i, each in enumerate(learned.words) if len(set(each.characters)) < len(each.characters))
    word, boxes = learned.words[i], learned.rendered[i].boxes
    first = next(k for k, c in enumerate(word.characters) if c in word.characters[k + 1 :])
    second = word.characters.index(word.characters[first], first + 1)
    box = tuple(boxes[first].astype(float).tolist())
    (found,) = learned.method("proposals_bag").e_step([word], [(Pin(second, box),)])
    np.testing.assert_array_equal(found.boxes[second], np.array(box, np.float32))
    assert found.confidence[second] == 1
    others = np.delete(found.boxes, second, axis=0)
    middles = (others[:, 0] + others[:, 2]) / 2
    assert ((middles < box[0]) | (middles > box[2])).all()


def test_zones_of_pins_are_apart(learned: Learned) -> None:
    ink = find_ink(np.pad(np.zeros((20, 60), np.uint8), 10, constant_values=255))
    pins = (Pin(0, (40.0, 10, 52, 30)), Pin(1, (10.0, 10, 20, 30)), Pin(2, (50.0, 10, 60, 30)), Pin(3, None))
    zones = bag_zones(ink, pins)
    assert zones.shape == (2, 2)
    assert (np.diff(zones.ravel()) > 0).all()
    assert bag_zones(ink, ()).shape == (0, 2)


def test_ink_is_of_whoever_took_it_and_of_nobody_else() -> None:
    pixels = np.full((60, 130), 255, np.uint8)
    for x in (10, 50, 90):
        pixels[20:40, x : x + 20] = 0
    ink = find_ink(pixels)
    spans = find_spans(ink, 3.0, 3)
    bounds = np.searchsorted(spans.columns, [0, 40, 80, 130]).astype(np.int32)
    # The part in the middle is nobody's; the second character is a space, the last one is pinned somewhere.
    choice = Choice(bounds, np.array([2, -1, 0, -1]), np.ones(4, np.float32), 0.0)
    boxes, _ = proposals._ink_of(ink, spans, choice, expected_glyphs(("o", " ", "o", "o")))
    assert boxes[[0, 2]].tolist() == [[90, 20, 110, 40], [10, 20, 30, 40]]
    assert np.isnan(boxes[[1, 3]]).all()


def test_forbidden_spans_are_those_that_reach_into_a_zone() -> None:
    costs = np.zeros((1, 5, 3), np.float32)
    forbid(costs, 1, 3)
    allowed = [(i, i + 1 + d) for i in range(5) for d in range(3) if costs[0, i, d] == 0]
    assert all(end <= 1 or start >= 3 for start, end in allowed)
    assert (0, 1) in allowed and (3, 4) in allowed


# --- every word is survived -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BOTH)
def test_a_long_word_of_which_all_but_the_first_is_pinned(learned: Learned, name: str) -> None:
    """What is pinned there is wider than any region can be."""
    index = max(range(len(learned.words)), key=lambda i: len(learned.words[i].characters))
    word, at = learned.words[index], learned.rendered[index].boxes
    assert len(word.characters) >= 8
    for free in (0, len(word.characters) - 1):
        pins = tuple(Pin(i, tuple(map(float, at[i]))) for i in range(len(word.characters)) if i != free)
        (found,) = learned.method(name).e_step([word], [pins])
        assert [found.boxes[pin.index].tolist() for pin in pins] == [list(pin.box or ()) for pin in pins]
        assert np.isfinite(found.boxes[free]).all()



@pytest.mark.parametrize("name", BOTH)
def test_pinned_characters_come_back_exactly(learned: Learned, name: str) -> None:
    i = next(i for i, word in enumerate(learned.words) if len(word.characters) >= 5)
    box = tuple((learned.rendered[i].boxes[2] + [0.3, -0.2, 1.7, 0.1]).astype(float).tolist())
    (found,) = learned.method(name).e_step([learned.words[i]], [(Pin(2, box), Pin(4, None, "invisible"))])
    np.testing.assert_array_equal(found.boxes[2], np.array(box, np.float32))
    assert np.isnan(found.boxes[4]).all()
    assert found.confidence[[2, 4]].tolist() == [1, 1]
    assert np.isfinite(found.boxes[[0, 1, 3]]).all()


@pytest.mark.parametrize("name", BOTH)
def test_contradicting_pins_do_not_end_a_round(learned: Learned, name: str) -> None:
    pins = (Pin(0, (30.0, 5.0, 40.0, 20.0)), Pin(1, (10.0, 5.0, 20.0, 20.0)))
    (found,) = learned.method(name).e_step([learned.words[0]], [pins])
    assert found.boxes[:2].tolist() == [[30, 5, 40, 20], [10, 5, 20, 20]]
    assert np.isfinite(found.boxes).all()


@pytest.mark.parametrize("name", BOTH)
def test_pins_that_leave_no_room_do_not_end_a_round(learned: Learned, name: str) -> None:
    word = learned.words[0]
    height, width = word.pixels.shape
    (found,) = learned.method(name).e_step([word], [(Pin(1, (0.0, 0.0, float(width), float(height))),)])
    assert found.boxes[1].tolist() == [0, 0, width, height]
    assert np.isfinite(found.boxes).all()


@pytest.mark.parametrize("name", BOTH)
def test_more_characters_than_columns_do_not_end_a_round(learned: Learned, name: str) -> None:
    word = WordImage(1, "n.png", np.full((20, 3), 255, np.uint8), ("a", "b", " ", "א", "ב"))
    (found,) = learned.method(name).e_step([word], [()])
    assert not found.confidence.any()
    assert np.isnan(found.boxes[2]).all()


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize(("shape", "text"), [((1, 1), "a"), ((30, 40), "ab c"), ((8, 9000), "abc"), ((700, 9), "ab")])
def test_pictures_without_ink_and_of_strange_size(
    learned: Learned, name: str, shape: tuple[int, int], text: str
) -> None:
    word = WordImage(1, "plain", np.full(shape, 255, np.uint8), tuple(text))
    (found,) = learned.method(name).e_step([word], [()])
    space = np.array([c == " " for c in text])
    assert np.isnan(found.boxes[space]).all() and np.isfinite(found.boxes[~space]).all()


@pytest.mark.parametrize("name", BOTH)
def test_nothing_visible_and_nothing_at_all(learned: Learned, name: str) -> None:
    word = replace(learned.words[0], characters=("a", "b"))
    (found,) = learned.method(name).e_step([word], [(Pin(0, None), Pin(1, None))])
    assert np.isnan(found.boxes).all()
    (found,) = learned.method(name).e_step([replace(word, characters=(" ",))], [()])
    assert np.isnan(found.boxes).all()
    (found,) = learned.method(name).e_step([replace(word, characters=())], [()])
    assert found.boxes.shape == (0, 4)


def test_characters_never_seen_are_placed_by_their_ink(learned: Learned) -> None:
    rendered = learned.rendered[3]
    word = replace(rendered.word(3), characters=tuple("\N{GEORGIAN LETTER AN}" * len(rendered.boxes)))
    (found,) = learned.method().e_step([word], [()])
    assert np.isfinite(found.boxes).all()
    assert (np.diff(found.boxes[:, 0]) > 0).all()


# --- what is kept -----------------------------------------------------------------------------------------------------


def test_a_checkpoint_read_back_localizes_the_same(learned: Learned, tmp_path: Path) -> None:
    assert learned.result.checkpoint is not None
    on_disk.write(tmp_path / "round_1", "proposals", learned.result.checkpoint)
    again = Proposals(on_disk.read(tmp_path / "round_1", "proposals"))
    found = again.e_step(learned.words[:8], [()] * 8)
    for one, other in zip(found, learned.method().e_step(learned.words[:8], [()] * 8), strict=True):
        np.testing.assert_array_equal(one.boxes, other.boxes)
        np.testing.assert_array_equal(one.confidence, other.confidence)


def test_new_characters_are_added_and_the_old_ones_keep_what_was_learned(
    learned: Learned, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = learned.method()
    assert method.net is not None
    before, old = method.charset.symbols, method.net.state_dict()
    monkeypatch.setattr(proposals, "train_regions", lambda *_: {})  # only the growing is at stake
    strange = replace(learned.words[0], characters=("ß", *learned.words[0].characters[1:]))
    method.m_step(training([strange, learned.words[1]], learned.guess[:2]))
    assert method.charset.symbols == (*before, "ß")
    for name, tensor in old.items():
        grown = method.net.state_dict()[name]
        assert torch.equal(grown[: len(tensor)] if tensor.ndim else grown, tensor), name
    assert method.rounds == 2


def test_a_fresh_one_cannot_localize_and_another_method_s_checkpoint_is_refused(learned: Learned) -> None:
    with pytest.raises(CharlocError, match="learned nothing yet"):
        ProposalsBag().e_step(learned.words[:1], [()])
    with pytest.raises(CheckpointError, match="of the method 'proposals', not 'proposals_bag'"):
        ProposalsBag(learned.result.checkpoint)


def test_nothing_to_learn_from(learned: Learned) -> None:
    flagged = training(learned.words[:2], learned.guess[:2], weights=np.zeros(2, np.float32))
    with pytest.raises(CharlocError, match="nothing to learn from"):
        Proposals().m_step(flagged)


def test_flagged_words_teach_nothing_and_learning_is_repeatable(
    learned: Learned, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proposals, "LEAST_STEPS", 4)
    monkeypatch.setattr(proposals, "MOST_STEPS", 4)
    words, beliefs = learned.words[:12], learned.guess[:12]
    sound, mixed = Proposals(), Proposals()
    sound.m_step(training(words, beliefs))
    wrong = [replace(word, characters=("ß",) * len(word.characters)) for word in learned.words[12:16]]
    weights = np.array([1] * 12 + [0] * 4, np.float32)
    mixed.m_step(training(words + wrong, learned.guess[:16], weights=weights))
    assert mixed.charset == sound.charset
    one, other = sound.checkpoint().tensors, mixed.checkpoint().tensors
    for name in one:
        np.testing.assert_allclose(one[name], other[name], atol=1e-6, err_msg=name)


@pytest.mark.parametrize("name", BOTH)
def test_words_that_cannot_be_laid_out_do_not_end_learning(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Contradicting pins, a picture without ink, more characters than columns."""
    monkeypatch.setattr(proposals, "LEAST_STEPS", 2)
    monkeypatch.setattr(proposals, "MOST_STEPS", 2)
    rendered = render_set(3, 4, hard=False)
    words = [each.word(i) for i, each in enumerate(rendered)]
    words += [WordImage(3, "blank", np.full((30, 40), 255, np.uint8), tuple("abc"))]
    words += [WordImage(4, "narrow", np.full((20, 3), 255, np.uint8), tuple("abcdef"))]
    pins: list[Pins] = [(Pin(0, (30.0, 5.0, 40.0, 20.0)), Pin(1, (10.0, 5.0, 20.0, 20.0))), (), (), (), ()]
    guess = first_guess(words, pins, first="guess")
    result = run_round(name, words, guess, pins, np.ones(len(words), np.float32), first="guess")
    assert len(result.localizations) == len(words)


@pytest.mark.parametrize("name", BOTH)
def test_pinning_a_few_characters_puts_the_others_right(name: str) -> None:
    rendered = invented_words(48)
    words = [each.word(i) for i, each in enumerate(rendered)]
    guess = first_guess(words, [()] * len(words), first="guess")
    weights = np.ones(len(words), np.float32)
    found = run_round(name, words, guess, said(rendered), weights, first="guess").localizations
    assert share_right(rendered, guess) == 0.0
    assert share_right(rendered, found) > 0.9
