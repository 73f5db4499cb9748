"""CTC as EM: its gradient is torch's, hard or soft, under windows; what counts; a net that sees only its own word."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from charloc import descent
from charloc.lattice import ctc_posterior, ctc_viterbi
from charloc.learning import Sample
from charloc.nets_scan import REACH, STRIDE, ScanNet
from charloc.normalise import HEIGHT
from charloc.scanning import Lesson, _Batch, _collate, _truth, align, learnable, train, windows_of

CLASSES = 6


@pytest.fixture(scope="module", autouse=True)
def same_arithmetic() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHARLOC_FLOAT32", "1")
        patch.setattr(descent, "BATCH", 4)
        yield


def lesson(classes: list[int], width: int = 60, pinned: int | None = None, weight: float = 1.0) -> Lesson:
    """Characters 12 view px apart from 6 on, bright where they are, each class of another height."""
    pixels = np.zeros((HEIGHT, width), np.uint8)
    spans = np.full((len(classes), 2), np.nan, np.float32)
    for k, name in enumerate(classes):
        if name:
            pixels[33 - 5 * name : 33, 6 + 12 * k : 14 + 12 * k] = 255
            spans[k] = (3 + 6 * k, 7 + 6 * k)
    weights = np.full(len(classes), weight, np.float32)
    held = np.zeros(len(classes), bool)
    if pinned is not None:
        weights[pinned], held[pinned] = 8.0, True
    sample = Sample(pixels, np.array(classes), spans, np.zeros((len(classes), 4), np.float32), weights)
    return Lesson(sample, np.flatnonzero(classes), held, guided=True)


def batch_of(logits: torch.Tensor, frames: list[int], words: list[list[int]]) -> _Batch:
    """Words (classes) to be laid over `logits` (B, T, C); every character and every word counts the same."""
    most = max(len(word) for word in words)
    targets = np.zeros((len(words), most), np.int32)
    for b, word in enumerate(words):
        targets[b, : len(word)] = word
    windows = np.zeros((len(words), most, 2), np.int32)
    windows[:, :, 1] = logits.shape[1]
    lengths = np.array([len(word) for word in words], np.int32)
    ones = np.ones((len(words), most), np.float32)
    none = torch.zeros(0)
    return _Batch(none, torch.tensor(frames), targets, lengths, windows, ones, np.ones(len(words), np.float32))


def gradient(logits: torch.Tensor, batch: _Batch, hard: bool = False) -> torch.Tensor:
    """What goes back to the logits, as `train` has it, of the summed cross entropy."""
    log_probs = torch.log_softmax(logits, dim=2)
    now = log_probs.detach().numpy()
    nothing = np.zeros(CLASSES, np.float32)
    frames = batch.frames.numpy().astype(np.int32)
    occupation, _ = align(now, frames, batch.targets, batch.lengths, batch.windows, nothing, hard)
    truth, weights = _truth(occupation, batch, CLASSES)
    (-(truth * log_probs).sum(2) * weights).sum().backward()
    assert logits.grad is not None
    return logits.grad


WORDS = [[1, 2, 2, 5], [3], [4, 4, 4]]
FRAMES = [9, 12, 6]


# --- alignment and gradient -------------------------------------------------------------------------------------------


@settings(max_examples=20)
@given(st.integers(0, 2**32))
def test_soft_alignment_and_cross_entropy_have_ctc_s_gradient(seed: int) -> None:
    torch.manual_seed(seed)
    logits = (2 * torch.randn(3, 12, CLASSES)).requires_grad_()
    found = gradient(logits, batch_of(logits, FRAMES, WORDS))
    again = logits.detach().clone().requires_grad_()
    log_probs = torch.log_softmax(again, dim=2).permute(1, 0, 2)
    targets = torch.tensor([name for word in WORDS for name in word])
    lengths = torch.tensor([len(word) for word in WORDS])
    torch.nn.functional.ctc_loss(log_probs, targets, torch.tensor(FRAMES), lengths, reduction="sum").backward()
    torch.testing.assert_close(found, again.grad, atol=1e-4, rtol=1e-4)


def test_frames_beyond_a_word_have_no_gradient() -> None:
    logits = torch.randn(3, 12, CLASSES).requires_grad_()
    found = gradient(logits, batch_of(logits, FRAMES, WORDS))
    for b, length in enumerate(FRAMES):
        assert (found[b, length:] == 0).all()
        assert (found[b, :length].abs().sum(1) > 0).all()


def test_hard_alignment_is_the_best_path_and_soft_all_paths() -> None:
    rng = np.random.default_rng(0)
    log_probs = torch.log_softmax(torch.tensor(rng.normal(0, 2, (3, 12, CLASSES)), dtype=torch.float32), 2).numpy()
    batch = batch_of(torch.from_numpy(log_probs), FRAMES, WORDS)
    prior = rng.normal(0, 1, CLASSES).astype(np.float32)
    arguments = (np.array(FRAMES, np.int32), batch.targets, batch.lengths, batch.windows)
    hard, score = align(log_probs, *arguments, prior, hard=True)
    path, expected = ctc_viterbi(log_probs - prior, *arguments)
    assert set(np.unique(hard)) == {0, 1}
    np.testing.assert_array_equal(np.where(hard.any(2), hard.argmax(2), -1), path)
    np.testing.assert_array_equal(score, expected)
    soft, score = align(log_probs, *arguments, prior, hard=False)
    occupation, expected = ctc_posterior(log_probs - prior, *arguments)
    np.testing.assert_array_equal(soft, occupation)
    np.testing.assert_array_equal(score, expected)


@pytest.mark.parametrize("hard", [False, True])
def test_windows_that_contradict_each_other_are_as_if_there_were_none(hard: bool) -> None:
    logits = torch.randn(3, 12, CLASSES, generator=torch.Generator().manual_seed(0))
    log_probs = torch.log_softmax(logits, 2).numpy()
    batch = batch_of(logits, FRAMES, WORDS)
    frames, nothing = np.array(FRAMES, np.int32), np.zeros(CLASSES, np.float32)
    free, free_score = align(log_probs, frames, batch.targets, batch.lengths, batch.windows, nothing, hard)
    windows = batch.windows.copy()
    windows[0, 0], windows[0, 1] = (6, 8), (1, 3)
    windows[1, 0] = (2, 3)
    found, score = align(log_probs, frames, batch.targets, batch.lengths, windows, nothing, hard)
    np.testing.assert_array_equal(found[[0, 2]], free[[0, 2]])
    np.testing.assert_array_equal(score[[0, 2]], free_score[[0, 2]])
    # The others' windows are held all the same.
    assert found[1, :, 0].nonzero()[0].tolist() == [2]
    assert score[1] < free_score[1]


@pytest.mark.parametrize("hard", [False, True])
def test_the_truth_of_every_frame_sums_to_one(hard: bool) -> None:
    logits = torch.randn(3, 12, CLASSES)
    batch = batch_of(logits, FRAMES, WORDS)
    batch.weights[0, 1] = 8.0
    batch.words[2] = 0.25
    log_probs, frames = torch.log_softmax(logits, 2).numpy(), np.array(FRAMES, np.int32)
    nothing = np.zeros(CLASSES, np.float32)
    occupation, _ = align(log_probs, frames, batch.targets, batch.lengths, batch.windows, nothing, hard)
    truth, weights = _truth(occupation, batch, CLASSES)
    torch.testing.assert_close(truth.sum(2), torch.ones(3, 12))
    assert (truth > -1e-6).all()
    # A repeated character's occupations are one class's.
    np.testing.assert_allclose(truth[2, :, 4], occupation[2].sum(1), atol=1e-6)
    expected = 1 + 7 * occupation[0, :9, 1]
    np.testing.assert_allclose(weights[0, :9], expected, rtol=1e-5)
    np.testing.assert_allclose(weights[2, :6], 0.25, rtol=1e-5)
    for b, length in enumerate(FRAMES):
        assert (weights[b, length:] == 0).all()


# --- windows and batches ----------------------------------------------------------------------------------------------


def test_windows_are_around_what_is_held() -> None:
    spans = np.array([[3.2, 6.7], [10, 12], [np.nan, np.nan], [40, 50], [-9, -4], [7.5, 7.5]], np.float32)
    held = np.array([True, False, True, True, True, True])
    windows = windows_of(spans, held, 30, slack=0.5)
    assert windows.dtype == np.int32
    # Beyond the word: its last frame, or its first.
    assert windows.tolist() == [[2, 8], [0, 30], [0, 30], [29, 30], [0, 1], [7, 8]]
    assert windows_of(spans[:1], held[:1], 30).tolist() == [[1, 9]]


@given(st.floats(-100, 100), st.floats(0, 50), st.integers(1, 60), st.floats(0, 3))
def test_windows_are_never_empty_nor_outside(start: float, wide: float, length: int, slack: float) -> None:
    ((low, high),) = windows_of(np.array([[start, start + wide]], np.float32), np.array([True]), length, slack)
    assert 0 <= low < high <= length


def test_a_batch_holds_what_is_pinned_and_while_guided_what_is_believed() -> None:
    lessons = [lesson([1, 0, 2, 3], pinned=2, weight=0.5), lesson([4, 4], width=41)]
    rng = np.random.default_rng(0)
    guided, free = _collate(lessons, rng, guided=True), _collate(lessons, rng, guided=False)
    assert guided.views.shape == (2, 1, HEIGHT, 60)
    assert guided.frames.tolist() == [30, 21]
    assert guided.targets.tolist() == [[1, 2, 3], [4, 4, 0]]
    assert guided.lengths.tolist() == [3, 2]
    assert free.windows[0, 0].tolist() == free.windows[0, 2].tolist() == [0, 30]
    assert free.windows[1, :2].tolist() == [[0, 21]] * 2
    # Class 2 is at frames 15 to 19, give or take the slack and half a frame of augmentation.
    for batch in (guided, free):
        low, high = batch.windows[0, 1]
        assert 12 <= low <= 14 and 20 <= high <= 22
    assert guided.windows[0, 0, 1] <= 10 and guided.windows[1, 1, 1] <= 16
    # What is only believed counts as 1 however little: its word's weight says it.
    assert guided.weights[0].tolist() == [1, 8, 1]
    assert guided.words.tolist() == [1, 1]
    assert _collate([lesson([1, 2], weight=0.5)], rng, True).words.tolist() == [0.5]


def test_what_nobody_believes_is_never_guided() -> None:
    flat = replace(lesson([1, 2]), guided=False)
    assert _collate([flat], np.random.default_rng(0), True).windows.tolist() == [[[0, 30]] * 2]


def test_words_without_room_or_characters_are_not_learnable() -> None:
    assert learnable(lesson([1, 2, 2]))
    assert not learnable(lesson([]))
    assert not learnable(lesson([0, 0]))
    # Four frames hold four characters, but not if two neighbours are the same.
    assert learnable(replace(lesson([1, 2, 3, 4]), sample=replace(lesson([1, 2, 3, 4]).sample, pixels=_paper(8))))
    assert not learnable(replace(lesson([1, 2, 3, 3]), sample=replace(lesson([1, 2, 3, 3]).sample, pixels=_paper(8))))


def _paper(width: int) -> np.ndarray:
    return np.zeros((HEIGHT, width), np.uint8)


# --- the net ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [8, 9, 40])
def test_a_word_s_scores_do_not_depend_on_what_is_beside_it(width: int) -> None:
    torch.manual_seed(0)
    net = ScanNet(CLASSES).eval()
    own = -(-width // STRIDE)
    view = torch.rand(HEIGHT, width)
    alone = torch.zeros(1, 1, HEIGHT, width + REACH + (width + REACH) % STRIDE)
    alone[0, 0, :, :width] = view
    beside = torch.rand(3, 1, HEIGHT, 120)
    beside[1] = 0
    beside[1, 0, :, :width] = view
    with torch.inference_mode():
        one = net(alone, torch.tensor([own]))
        many = net(beside, torch.tensor([60, own, 50]))
    assert one.shape == (1, alone.shape[3] // STRIDE, CLASSES)
    torch.testing.assert_close(one[0, :own], many[1, :own], atol=1e-5, rtol=1e-4)


def test_the_net_reads_in_both_directions() -> None:
    """What stands at either end of the word is seen at the other."""
    torch.manual_seed(0)
    net = ScanNet(CLASSES).eval()
    views = torch.rand(1, 1, HEIGHT, 40).repeat(3, 1, 1, 1)
    views[1, ..., :2] = 1 - views[1, ..., :2]
    views[2, ..., -2:] = 1 - views[2, ..., -2:]
    with torch.inference_mode():
        plain, first, last = net(views)
        torch.testing.assert_close(net(views, torch.tensor([20] * 3))[0], plain)
    assert not torch.equal(plain[-1], first[-1])
    assert not torch.equal(plain[0], last[0])


# --- training ---------------------------------------------------------------------------------------------------------


def silent(phase: str, done: int, total: int) -> None: ...


@pytest.mark.parametrize(("hard", "squared"), [(False, False), (True, False), (False, True), (True, True)])
def test_losses_fall(hard: bool, squared: bool) -> None:
    torch.manual_seed(0)
    lessons = [lesson([1, 2, 3]), lesson([4, 1]), lesson([2, 0, 4]), lesson([3, 3], pinned=1)]
    net = ScanNet(5)
    flat = np.full(5, -np.log(5), np.float32)
    options = {"prior_scale": 0.3, "hard": hard, "squared": squared}
    reports: list[tuple[str, int, int]] = []
    first, prior = train(net, lessons, 4, 3e-4, 0, flat, progress=lambda *each: reports.append(each), **options)
    assert reports == [("learn", step, 4) for step in range(5)]
    later, prior = train(net, lessons, 30, 3e-3, 0, prior, progress=silent, **options)
    assert later["loss"] < 0.8 * first["loss"]
    assert later["log_likelihood"] > first["log_likelihood"]
    assert not net.training
    # The classes' shares: nearly all blank and the rest each a few frames; a distribution still.
    assert prior.dtype == np.float32
    assert np.exp(prior).sum() == pytest.approx(1, abs=1e-3)
    assert np.isfinite(prior).all()


def test_learning_is_repeatable() -> None:
    lessons = [lesson([1, 2, 3]), lesson([4, 1])]
    flat = np.full(5, -np.log(5), np.float32)
    nets = []
    for seed in (0, 0, 1):
        torch.manual_seed(7)
        net = ScanNet(5)
        train(net, lessons, 3, 1e-3, seed, flat, prior_scale=0.3, hard=False, squared=False, progress=silent)
        nets.append(torch.cat([each.flatten().float() for each in net.state_dict().values()]))
    assert torch.equal(nets[0], nets[1])
    assert not torch.equal(nets[0], nets[2])


def test_pinned_characters_are_learned_where_they_are_pinned() -> None:
    """Two bars and the transcript "1": the bar that is pinned is learned."""
    two = lesson([1, 4])
    for bar in (0, 1):
        sample = replace(two.sample, classes=np.array([1]), spans=two.sample.spans[bar : bar + 1],
                         weights=np.array([8.0], np.float32))  # fmt: skip
        here = Lesson(sample, np.array([0]), np.array([True]), guided=False)
        torch.manual_seed(0)
        net = ScanNet(3)
        flat = np.full(3, -np.log(3), np.float32)
        train(net, [here] * 4, 45, 3e-3, 0, flat, prior_scale=0.3, hard=False, squared=False, progress=silent)
        with torch.inference_mode():
            scores = torch.log_softmax(net(torch.from_numpy(sample.pixels / np.float32(255))[None, None]), 2)[0]
        assert scores[3 + 6 * bar : 7 + 6 * bar, 1].max() > scores[9 - 6 * bar : 13 - 6 * bar, 1].max() + 0.1
