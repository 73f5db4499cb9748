"""CTC searches against enumeration of every path, and against torch."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise, product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from charloc.lattice import ctc_posterior, ctc_viterbi, frames_needed
from charloc.types import TranscriptError

Word = tuple[np.ndarray, np.ndarray, np.ndarray]
"""log_probs (T, C), target (L,), windows (L, 2)."""


@st.composite
def words(draw: st.DrawFn, classes: int = 4) -> Word:
    """0-3 characters that often repeat, in 0-3 frames more than they need; some classes impossible, some windows."""
    target = np.array(draw(st.lists(st.integers(1, classes - 1), max_size=3)), dtype=np.int32)
    frames = frames_needed(target) + draw(st.integers(0, 3 if len(target) < 3 else 2))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    log_probs = np.log(rng.dirichlet(np.full(classes, 0.5), frames) + 1e-9)
    log_probs[rng.random(log_probs.shape) < draw(st.sampled_from([0.0, 0.0, 0.2]))] = -np.inf
    windows = np.tile(np.array([0, frames], dtype=np.int32), (len(target), 1))
    for k in draw(st.sets(st.integers(0, max(len(target) - 1, 0)), max_size=len(target))):
        low = draw(st.integers(0, frames - 1))
        windows[k] = low, draw(st.integers(low + 1, frames))
    return log_probs.astype(np.float32), target, windows


def batch_of(each: list[Word], frames: int = 0, characters: int = 0) -> tuple[np.ndarray, ...]:
    """A padded batch with rubbish in its padding."""
    frames = max([frames, *(len(log_probs) for log_probs, _, _ in each)])
    characters = max([characters, *(len(target) for _, target, _ in each)])
    log_probs = np.full((len(each), frames, each[0][0].shape[1]), np.nan, dtype=np.float32)
    targets = np.full((len(each), characters), -7, dtype=np.int32)
    windows = np.full((len(each), characters, 2), 99, dtype=np.int32)
    for b, (rows, target, window) in enumerate(each):
        log_probs[b, : len(rows)], targets[b, : len(target)], windows[b, : len(target)] = rows, target, window
    counts = [[len(word[part]) for word in each] for part in (0, 1)]
    return log_probs, np.array(counts[0]), targets, np.array(counts[1]), windows


def paths(word: Word) -> Iterator[tuple[tuple[int, ...], float]]:
    """Every path (the character of each frame, -1 the blank) that spells the transcript within its windows."""
    log_probs, target, windows = word
    for path in product(range(-1, len(target)), repeat=len(log_probs)):
        emitted = [k for t, k in enumerate(path) if k >= 0 and (t == 0 or path[t - 1] != k)]
        if emitted != list(range(len(target))):
            continue
        if any(0 <= one < other and target[one] == target[other] for one, other in pairwise(path)):
            continue
        if all(k < 0 or windows[k, 0] <= t < windows[k, 1] for t, k in enumerate(path)):
            total = sum(float(log_probs[t, 0 if k < 0 else target[k]]) for t, k in enumerate(path))
            if total > -np.inf:
                yield path, total


@settings(max_examples=120)
@given(st.lists(words(), min_size=1, max_size=3), st.integers(0, 9))
def test_the_best_path_is_the_best_of_all(each: list[Word], frames: int) -> None:
    found, scores = ctc_viterbi(*batch_of(each, frames))
    assert found.dtype == np.int32
    for word, path, score in zip(each, found, scores, strict=True):
        every = dict(paths(word))
        count = len(word[0])
        assert (path[count:] == -1).all()
        if every:
            assert score == pytest.approx(max(every.values()), abs=1e-4)
            assert every[tuple(path[:count].tolist())] == pytest.approx(score, abs=1e-9)
        else:
            assert score == -np.inf
            assert (path == -1).all()


@settings(max_examples=120)
@given(st.lists(words(), min_size=1, max_size=3), st.integers(0, 9))
def test_the_posterior_is_that_of_all_paths(each: list[Word], frames: int) -> None:
    found, scores = ctc_posterior(*batch_of(each, frames))
    assert found.dtype == np.float32
    for word, posterior, score in zip(each, found, scores, strict=True):
        expected = np.zeros(posterior.shape)
        whole = 0.0
        for path, total in paths(word):
            whole += np.exp(total)
            for t, k in enumerate(path):
                if k >= 0:
                    expected[t, k] += np.exp(total)
        assert score == pytest.approx(np.log(whole) if whole else -np.inf, abs=1e-6)
        np.testing.assert_allclose(posterior, expected / (whole or 1.0), atol=1e-6)


def random_batch(seed: int, *, words: int = 6, frames: int = 40, classes: int = 7, most: int = 12) -> tuple:
    """Words of 0 to `most` characters of few classes, so that neighbours repeat; one with no frame to spare."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, most + 1, words)
    targets = rng.integers(1, classes, (words, most))
    counts = rng.integers(2 * most, frames + 1, words)
    counts[0] = frames_needed(targets[0, : lengths[0]])
    logits = torch.tensor(rng.normal(scale=3, size=(words, frames, classes)), requires_grad=True)
    return logits, counts, targets, lengths


@pytest.mark.parametrize("seed", range(4))
def test_agrees_with_torch_and_its_gradient(seed: int) -> None:
    logits, counts, targets, lengths = random_batch(seed)
    log_probs = logits.log_softmax(dim=-1)
    loss = torch.nn.functional.ctc_loss(
        log_probs.transpose(0, 1), *(torch.tensor(each) for each in (targets, counts, lengths)), reduction="none"
    )
    loss.sum().backward()
    posterior, score = ctc_posterior(log_probs.detach().numpy(), counts, targets, lengths)
    np.testing.assert_allclose(score, -loss.detach().numpy(), atol=1e-4)
    # The gradient is softmax less occupation: of each class by its characters, of the blank by what is left.
    expected = log_probs.detach().exp().numpy()
    expected[:, :, 0] -= 1 - posterior.sum(axis=2)
    for b in range(len(counts)):
        for k in range(lengths[b]):
            expected[b, :, targets[b, k]] -= posterior[b, :, k]
        expected[b, counts[b] :] = 0
    np.testing.assert_allclose(logits.grad.numpy(), expected, atol=1e-5)


def test_alone_or_in_a_batch_whatever_the_padding() -> None:
    logits, counts, targets, lengths = random_batch(9)
    log_probs = logits.log_softmax(dim=-1).detach().numpy().astype(np.float32)
    rng = np.random.default_rng(9)
    low = rng.integers(0, 5, targets.shape)
    windows = np.stack([low, 40 - rng.integers(0, 5, targets.shape)], axis=2)
    windows[0] = 0, 40
    for search in (ctc_viterbi, ctc_posterior):
        found, scores = search(log_probs, counts, targets, lengths, windows)
        assert np.isfinite(scores).all()
        for b, (t, n) in enumerate(zip(counts, lengths, strict=True)):
            alone, score = search(
                log_probs[b : b + 1, :t], counts[b : b + 1], targets[b : b + 1, :n], lengths[b : b + 1],
                windows[b : b + 1, :n],
            )  # fmt: skip
            np.testing.assert_array_equal(alone[0], found[b, :t, :n] if found.ndim == 3 else found[b, :t])
            assert score[0] == scores[b]


def test_an_empty_transcript_is_all_blank() -> None:
    log_probs = np.log(np.full((2, 4, 3), 1 / 3, dtype=np.float32))
    frames, nothing, lengths = np.array([4, 0]), np.zeros((2, 0), dtype=np.int32), np.zeros(2, dtype=np.int32)
    path, score = ctc_viterbi(log_probs, frames, nothing, lengths)
    assert (path == -1).all()
    assert score == pytest.approx([4 * np.log(1 / 3), 0.0])
    posterior, likelihood = ctc_posterior(log_probs, frames, nothing, lengths)
    assert posterior.shape == (2, 4, 0)
    assert likelihood == pytest.approx(score)


def test_no_frame_to_spare_leaves_one_path() -> None:
    """'abbb': blanks where the letter repeats and nowhere else, even where they are all but impossible."""
    log_probs = np.zeros((1, 6, 3), dtype=np.float32)
    log_probs[:, :, 0] = -1000
    target, needed = np.array([[1, 2, 2, 2]]), np.array([6])
    path, score = ctc_viterbi(log_probs, needed, target, np.array([4]))
    assert path.tolist() == [[0, 1, -1, 2, -1, 3]]
    assert score[0] == -2000
    posterior, score = ctc_posterior(log_probs, needed, target, np.array([4]))
    assert score[0] == -2000
    assert posterior[0].tolist() == [[float(k == at) for k in range(4)] for at in path[0]]


def test_one_character_between_blanks() -> None:
    log_probs = np.log(np.array([[[0.9, 0.1], [0.2, 0.8], [0.9, 0.1]]], dtype=np.float32))
    path, score = ctc_viterbi(log_probs, np.array([3]), np.array([[1]]), np.array([1]))
    assert path.tolist() == [[-1, 0, -1]]
    assert score[0] == pytest.approx(np.log(0.9 * 0.8 * 0.9), abs=1e-6)


def test_too_few_frames_name_the_word_and_what_to_do() -> None:
    log_probs = np.zeros((3, 4, 3), dtype=np.float32)
    arguments = log_probs, np.array([4, 4, 2]), np.array([[1, 2, 0], [1, 1, 2], [1, 1, 0]]), np.array([2, 3, 2])
    ctc_viterbi(*arguments[:1], np.array([4, 4, 3]), *arguments[2:])
    message = (
        "page7/hello.png: 2 characters need at least 3 frames, 1 of them between repeated ones, and its picture "
        "gives 2. Correct the transcript, or take the word out."
    )
    for search in (ctc_viterbi, ctc_posterior):
        with pytest.raises(TranscriptError) as told:
            search(*arguments, names=["a", "b", "page7/hello.png"])
        assert str(told.value) == message
    with pytest.raises(TranscriptError, match=r"^word 0 of the batch: .* So it is with 2 more: word 1 of the batch"):
        ctc_viterbi(log_probs, np.array([1, 1, 1]), *arguments[2:])


def test_windows_hold_a_character_and_move_the_others() -> None:
    """Where the net is sure of something else, too."""
    log_probs = np.full((1, 8, 3), -20.0, dtype=np.float32)
    log_probs[0, np.arange(8), [0, 1, 0, 2, 0, 0, 0, 0]] = 0
    target, frames, lengths = np.array([[1, 2]]), np.array([8]), np.array([2])
    assert ctc_viterbi(log_probs, frames, target, lengths)[0].tolist() == [[-1, 0, -1, 1, -1, -1, -1, -1]]
    windows = np.array([[[5, 6], [0, 8]]])
    path, score = ctc_viterbi(log_probs, frames, target, lengths, windows)
    assert path[0, 5] == 0 and (path == 0).sum() == 1
    assert np.isfinite(score[0])
    posterior, _ = ctc_posterior(log_probs, frames, target, lengths, windows)
    assert posterior[0, 5, 0] == pytest.approx(1.0)
    assert posterior[0, :6, 1].max() == 0


def test_windows_that_contradict_leave_no_path() -> None:
    log_probs = np.zeros((2, 8, 3), dtype=np.float32)
    windows = np.array([[[5, 6], [2, 4]], [[0, 8], [0, 8]]])
    arguments = log_probs, np.array([8, 8]), np.array([[1, 2], [1, 2]]), np.array([2, 2]), windows
    path, score = ctc_viterbi(*arguments)
    assert score[0] == -np.inf and (path[0] == -1).all()
    assert score[1] == 0 and set(path[1].tolist()) >= {0, 1}
    posterior, score = ctc_posterior(*arguments)
    assert score[0] == -np.inf and not posterior[0].any()
    assert np.isfinite(score[1]) and posterior[1].any()


def test_a_long_line_neither_overflows_nor_underflows() -> None:
    """Probabilities of exp(-60000)."""
    rng = np.random.default_rng(3)
    log_probs = (-50 + rng.random((1, 1200, 9))).astype(np.float32)
    target, lengths = rng.integers(1, 9, (1, 300)), np.array([300])
    path, best = ctc_viterbi(log_probs, np.array([1200]), target, lengths)
    assert [k for k in np.unique(path) if k >= 0] == list(range(300))
    posterior, score = ctc_posterior(log_probs, np.array([1200]), target, lengths)
    assert best[0] < score[0] < 0
    assert posterior.sum(axis=2).max() <= 1 + 1e-5
    assert posterior.sum(axis=1).min() > 0.9


@pytest.mark.parametrize(
    ("which", "value", "message"),
    [
        (1, [5, 4], "frames must be 0 to 4"),
        (2, [[1, 0], [1, 2]], "targets must be classes 1 to 2"),
        (2, [[1, 3], [1, 2]], "targets must be classes 1 to 2"),
        (3, [2, 3], "lengths must be 0 to 2"),
        (3, [2], "2 words in log_probs"),
        (4, [[0, 4], [0, 4]], "windows must be"),
    ],
)
def test_what_does_not_belong_together_is_said(which: int, value: list, message: str) -> None:
    arguments = [np.zeros((2, 4, 3)), np.array([4, 4]), np.array([[1, 2], [1, 2]]), np.array([2, 2]), None]
    arguments[which] = np.array(value)
    with pytest.raises(ValueError, match=message):
        ctc_viterbi(*arguments)


def test_a_net_that_diverged_is_said() -> None:
    log_probs = np.full((1, 4, 3), np.nan)
    for search in (ctc_viterbi, ctc_posterior):
        with pytest.raises(ValueError, match=r"NaN: word\.png"):
            search(log_probs, np.array([4]), np.array([[1, 2]]), np.array([2]), names=["word.png"])
