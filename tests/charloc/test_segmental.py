"""The segmental method on sixty rendered words, few steps a round; and what pins teach it about other words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from charloc import checkpoint as on_disk
from charloc import pretrained
from charloc.em import RoundResult, first_guess, run_round
from charloc.methods import Checkpoint, Method, _learner, make, segmental
from charloc.methods.segmental import Segmental
from charloc.metrics import scores, word_errors
from charloc.nets import SegmentalNet
from charloc.pretraining import Effort, teach_ends
from charloc.synth import Rendered, render_set
from charloc.types import CharlocError, CheckpointError, Localization, Pin, Pins, TrainingSet, WordImage
from tests.invented import invented_words, said, share_right


@pytest.fixture(scope="module", autouse=True)
def few_steps() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segmental, "LEAST_STEPS", 60)
        patch.setattr(segmental, "MOST_STEPS", 60)
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

    def method(self) -> Segmental:
        return Segmental(self.result.checkpoint)


@pytest.fixture(scope="module")
def learned(few_steps: object) -> Learned:
    rendered = render_set(60, 21, hard=True)
    words = [each.word(i) for i, each in enumerate(rendered)]
    nothing: list[Pins] = [()] * len(words)
    guess = first_guess(words, nothing, first="guess")
    reports: list[tuple[str, int, int]] = []
    result = run_round("segmental", words, guess, nothing, np.ones(len(words), np.float32), first="guess",
                       progress=lambda *report: reports.append(report))  # fmt: skip
    return Learned(rendered, words, guess, result, reports)


def training(words: list[WordImage], beliefs: list[Localization], **changes: object) -> TrainingSet:
    whole = TrainingSet(words, beliefs, [()] * len(words), np.ones(len(words), np.float32))
    return replace(whole, **changes)  # type: ignore[arg-type]


def r50(rendered: list[Rendered], found: list[Localization]) -> float:
    return scores(word_errors(a.boxes, b.boxes) for a, b in zip(rendered, found, strict=True)).r50


# --- a round ----------------------------------------------------------------------------------------------------------


def test_a_round_keeps_what_the_guess_had_right(learned: Learned) -> None:
    assert r50(learned.rendered, learned.result.localizations) >= r50(learned.rendered, learned.guess) - 0.02
    assert learned.result.learned["steps"] == 60
    assert 0 < learned.result.learned["frame_loss"] < 1.5
    for word, found in zip(learned.words, learned.result.localizations, strict=True):
        assert found.method == "segmental"
        height, width = word.pixels.shape
        assert (found.boxes[:, :2] >= 0).all() and (found.boxes[:, 2:] <= (width, height)).all()
        assert (found.boxes[:, 2:] > found.boxes[:, :2]).all()


def test_progress_of_a_round(learned: Learned) -> None:
    phases = list(dict.fromkeys(phase for phase, _, _ in learned.reports))
    assert phases == ["look", "prepare", "learn", "localize"]
    for phase in phases:
        done = [report[1] for report in learned.reports if report[0] == phase]
        total = {report[2] for report in learned.reports if report[0] == phase}
        assert done == sorted(done)
        assert total == {done[-1]}


def test_it_is_a_method(learned: Learned) -> None:
    method = make("segmental", learned.result.checkpoint)
    assert isinstance(method, Method)
    assert method.learns and method.honours_pins


def test_one_by_one_or_in_batches_it_is_the_same(learned: Learned) -> None:
    """A word between wider ones is padded; what it is padded with must not be seen."""
    method = learned.method()
    widths = [word.pixels.shape[1] for word in learned.words]
    for i in (int(np.argmin(widths)), int(np.argmax(widths)), 5):
        (alone,) = method.e_step([learned.words[i]], [()])
        together = learned.result.localizations[i]
        np.testing.assert_allclose(alone.boxes, together.boxes, atol=1e-3)
        np.testing.assert_allclose(alone.confidence, together.confidence, atol=1e-3)
        assert alone.score == pytest.approx(together.score, abs=1e-2)
    assert method.e_step([], []) == []


def test_pinned_characters_come_back_exactly(learned: Learned) -> None:
    i = next(i for i, word in enumerate(learned.words) if len(word.characters) >= 5)
    box = tuple((learned.rendered[i].boxes[2] + [0.3, -0.2, 1.7, 0.1]).astype(float).tolist())
    (found,) = learned.method().e_step([learned.words[i]], [(Pin(2, box), Pin(4, None, "invisible"))])
    np.testing.assert_array_equal(found.boxes[2], np.array(box, np.float32))
    assert np.isnan(found.boxes[4]).all()
    assert found.confidence[[2, 4]].tolist() == [1, 1]
    assert np.isfinite(found.boxes[[0, 1, 3]]).all()


def test_contradicting_pins_do_not_end_a_round(learned: Learned) -> None:
    """The facts are kept as they are; the rest is localized as if there were none."""
    pins = (Pin(0, (30.0, 5.0, 40.0, 20.0)), Pin(1, (10.0, 5.0, 20.0, 20.0)))
    for method in (learned.method(), make("guess")):
        free, found = (method.e_step([learned.words[0]], [facts])[0] for facts in ((), pins))
        assert found.boxes[:2].tolist() == [[30, 5, 40, 20], [10, 5, 20, 20]]
        np.testing.assert_array_equal(found.boxes[2:], free.boxes[2:])


def test_more_characters_than_columns_do_not_end_a_round(learned: Learned) -> None:
    word = WordImage(1, "n.png", np.full((20, 3), 255, np.uint8), ("a", "b", " ", "א", "ב"))
    for method in (learned.method(), make("guess")):
        (found,) = method.e_step([word], [()])
        assert not found.confidence.any()
        assert np.isnan(found.boxes[2]).all()
        # From left to right: a, b, then the Hebrew ones from right to left.
        assert np.argsort(found.boxes[[0, 1, 3, 4], 0]).tolist() == [0, 1, 3, 2]


@pytest.mark.parametrize(("shape", "text"), [((1, 1), "a"), ((30, 40), "ab c"), ((8, 9000), "abc"), ((700, 9), "ab")])
def test_pictures_without_ink_and_of_strange_size(learned: Learned, shape: tuple[int, int], text: str) -> None:
    word = WordImage(1, "plain", np.full(shape, 255, np.uint8), tuple(text))
    (found,) = learned.method().e_step([word], [()])
    space = np.array([c == " " for c in text])
    assert np.isnan(found.boxes[space]).all() and np.isfinite(found.boxes[~space]).all()


def test_characters_never_seen_are_placed_by_their_ink(learned: Learned) -> None:
    rendered = learned.rendered[3]
    word = replace(rendered.word(3), characters=tuple("\N{GEORGIAN LETTER AN}" * len(rendered.boxes)))
    (found,) = learned.method().e_step([word], [()])
    assert np.isfinite(found.boxes).all()
    assert (np.diff(found.boxes[:, 0]) > 0).all()


# --- what is kept -----------------------------------------------------------------------------------------------------


def test_a_checkpoint_read_back_localizes_the_same(learned: Learned, tmp_path: Path) -> None:
    assert learned.result.checkpoint is not None
    on_disk.write(tmp_path / "round_1", "segmental", learned.result.checkpoint)
    again = Segmental(on_disk.read(tmp_path / "round_1", "segmental"))
    found = again.e_step(learned.words[:8], [()] * 8)
    for one, other in zip(found, learned.method().e_step(learned.words[:8], [()] * 8), strict=True):
        np.testing.assert_array_equal(one.boxes, other.boxes)
        np.testing.assert_array_equal(one.confidence, other.confidence)
        assert one.score == other.score


def test_new_characters_are_added_and_the_old_ones_keep_what_was_learned(
    learned: Learned, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = learned.method()
    before = method.charset.symbols
    monkeypatch.setattr(segmental, "train", lambda *_: {})  # only the growing is at stake
    strange = replace(learned.words[0], characters=("ß", *learned.words[0].characters[1:]))
    method.m_step(training([strange, learned.words[1]], learned.guess[:2]))
    assert method.charset.symbols == (*before, "ß")
    old, new = (Segmental(each).net for each in (learned.result.checkpoint, method.checkpoint()))
    assert old is not None and new is not None
    for name, tensor in old.state_dict().items():
        grown = new.state_dict()[name]
        assert torch.equal(grown[: len(tensor)] if tensor.ndim else grown, tensor), name
    assert method.rounds == 2


def test_a_fresh_one_cannot_localize(learned: Learned) -> None:
    with pytest.raises(CharlocError, match="learned nothing yet"):
        Segmental().e_step(learned.words[:1], [()])


def test_checkpoints_of_something_else_are_refused(learned: Learned) -> None:
    with pytest.raises(CheckpointError, match="of the method 'guess', not 'segmental'"):
        Segmental(make("guess").checkpoint())
    mine = learned.result.checkpoint
    assert mine is not None
    tensors = {name: each[:1] if each.ndim else each for name, each in mine.tensors.items()}
    with pytest.raises(CheckpointError, match="does not fit"):
        Segmental(Checkpoint(tensors, mine.settings))


def test_nothing_to_learn_from(learned: Learned) -> None:
    flagged = training(learned.words[:2], learned.guess[:2], weights=np.zeros(2, np.float32))
    with pytest.raises(CharlocError, match="nothing to learn from"):
        Segmental().m_step(flagged)


# --- what is learned --------------------------------------------------------------------------------------------------


def test_flagged_words_teach_nothing_and_learning_is_repeatable(
    learned: Learned, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segmental, "LEAST_STEPS", 4)
    monkeypatch.setattr(segmental, "MOST_STEPS", 4)
    words, beliefs = learned.words[:12], learned.guess[:12]
    sound = Segmental()
    sound.m_step(training(words, beliefs))
    wrong = [replace(word, characters=("ß",) * len(word.characters)) for word in learned.words[12:16]]
    weights = np.array([1] * 12 + [0] * 4, np.float32)
    mixed = Segmental()
    mixed.m_step(training(words + wrong, learned.guess[:16], weights=weights))
    assert mixed.charset == sound.charset
    assert mixed.measures == sound.measures
    one, other = sound.checkpoint().tensors, mixed.checkpoint().tensors
    for name in one:
        np.testing.assert_allclose(one[name], other[name], atol=1e-6, err_msg=name)


def test_learning_can_be_stopped(learned: Learned) -> None:
    def stop(phase: str, done: int, total: int) -> None:
        if phase == "learn" and done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Segmental().m_step(training(learned.words[:4], learned.guess[:4]), stop)


def test_evidence_is_the_tempered_sum_over_a_span_s_frames() -> None:
    log_probs = np.log(np.array([[0.8, 0.1, 0.2, 0.7], [0.1, 0.8, 0.1, 0.1], [0.1, 0.1, 0.7, 0.2]], np.float32))
    evidence = segmental.cumulate(log_probs, np.array([1, 2, 0]), np.array([-1.0, 1, 2, 2.5, 4, 9]), 0.5)

    def letter(kind: int, frame: int) -> float:
        return float(np.log(np.exp(log_probs[kind, frame]) + np.exp(log_probs[0, frame]) / 2))

    assert evidence.inside[0, 2] - evidence.inside[0, 1] == pytest.approx(0.5 * letter(1, 1), abs=1e-5)
    assert evidence.inside[1, 3] - evidence.inside[1, 2] == pytest.approx(0.25 * letter(2, 2), abs=1e-5)
    assert evidence.inside[1, 5] == evidence.inside[1, 4]
    np.testing.assert_allclose(evidence.inside[2], evidence.outside, atol=1e-6)
    assert evidence.outside[-1] == pytest.approx(0.5 * float(log_probs[0].sum()), abs=1e-5)


# --- pins teach other words -------------------------------------------------------------------------------------------


def test_pinning_a_few_characters_puts_the_others_right(few_steps: object) -> None:
    rendered = invented_words(36)
    words = [each.word(i) for i, each in enumerate(rendered)]
    nothing: list[Pins] = [()] * len(words)
    guess = first_guess(words, nothing, first="guess")
    weights = np.ones(len(words), np.float32)
    without = run_round("segmental", words, guess, nothing, weights, first="guess").localizations
    with_pins = run_round("segmental", words, guess, said(rendered), weights, first="guess").localizations
    assert share_right(rendered, guess) == 0.0
    assert share_right(rendered, without) < 0.1
    assert share_right(rendered, with_pins) > 0.9


def test_a_net_that_knows_letters_keeps_half_of_its_weights(learned: Learned, monkeypatch: pytest.MonkeyPatch) -> None:
    def forget(net: SegmentalNet, *_: object) -> dict[str, float]:
        with torch.no_grad():
            for each in net.state_dict().values():
                each.zero_()
        return {}

    method = learned.method()
    monkeypatch.setattr(segmental, "train", forget)
    method.warm = True
    strange = replace(learned.words[0], characters=("ß", *learned.words[0].characters[1:]))
    method.m_step(training([strange, learned.words[1]], learned.guess[:2]))
    old, new = (Segmental(each).net for each in (learned.result.checkpoint, method.checkpoint()))
    assert old is not None and new is not None
    for name, tensor in old.state_dict().items():
        now = new.state_dict()[name]
        if not tensor.is_floating_point():
            assert not now.any(), name  # a count, not a weight
            continue
        known = now[: len(tensor)] if tensor.ndim else now
        assert torch.equal(known, tensor / 2), name
        assert not now.ndim or not now[len(tensor) :].any(), name  # new characters are only learned


# --- learning from the spans that a search finds ----------------------------------------------------------------------


def test_boxes_learned_from_found_spans_end_nearer_to_the_true_ones(learned: Learned) -> None:
    """Only the box head has changed, so spans are where they were; and it is better where it has learned, at least."""
    method = learned.method()
    before = method.checkpoint()
    some, words = learned.rendered[:8], learned.words[:8]
    reports: list[tuple[str, int, int]] = []
    teach_ends(method, some, Effort(120), lambda *report: reports.append(report))
    after = method.checkpoint()
    changed = {name for name, each in after.tensors.items() if not np.array_equal(each, before.tensors[name])}
    assert {name.split(".")[0] for name in changed} == {"box", "name"}
    assert after.settings["taught"] == len(method.charset.symbols) and before.settings["taught"] == 0
    assert [phase for phase, done, total in reports if done == total] == ["lay out", "learn boxes"]
    off = [
        float(np.mean(np.concatenate([
            np.abs(net_edges(each, word) - true.boxes).ravel()
            for word, true in zip(words, some, strict=True)
        ])))
        for each in (learned.method(), method)
    ]  # fmt: skip
    assert off[1] < 0.9 * off[0]


def net_edges(method: Segmental, word: WordImage) -> np.ndarray:
    """The net's own boxes of a word's characters, whatever the ink says, px."""
    with pytest.MonkeyPatch.context() as patch:
        said: list[np.ndarray] = []
        real = segmental.fuse
        patch.setattr(segmental, "fuse", lambda ink, net, *others: (said.append(net), real(ink, net, *others))[1])
        method.solve(word, method.prepare(word), ())
    return said[0]


def test_words_are_looked_at_together_as_long_as_their_pictures_are_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole pages of large lines would not fit into memory together; what is found is the same."""
    monkeypatch.setattr(_learner, "CHUNK", 3)
    monkeypatch.setattr(_learner, "CHUNK_PX", 100)
    words = [WordImage(i, "", np.zeros((10, width), np.uint8), ()) for i, width in enumerate((3, 3, 3, 1, 5, 5, 40, 1))]
    assert list(_learner.chunks(words, range(8))) == [[0, 1, 2], [3, 4], [5], [6], [7]]
    assert list(_learner.chunks(words, [7, 6, 0])) == [[7], [6], [0]]
    assert list(_learner.chunks(words, [])) == []


def test_of_letters_without_ink_it_is_not_sure() -> None:
    """However well all looks agree about where they have to be; what people said stays as sure as they are."""
    blank = WordImage(0, "", np.full((40, 90), 255, np.uint8), tuple("word"))
    method = Segmental(pretrained.shipped())
    alone, pinned = method.e_step([blank, blank], [(), (Pin(1, (20.0, 5.0, 40.0, 30.0)),)])
    assert alone.confidence.tolist() == [0, 0, 0, 0]
    assert pinned.confidence.tolist() == [0, 1, 0, 0]
