"""CTC as EM: align each batch with what the net says now, then take that alignment for the truth.

    repeat:
        E: lay the transcript over the frames (Viterbi: hard; forward-backward: soft)
        M: one step down the gradient of the cross entropy (or squared error) against that alignment

With the soft alignment and cross entropy this is CTC's own gradient (softmax - occupation), so nothing is lost by
writing it as EM; and pins are simply alignments that may not be elsewhere.

Source: Graves et al. 2006; as EM: derived here. Class priors against spikes: Huang et al., "Less Peaky and More
Accurate CTC Forced Alignment by Label Priors" (ICASSP 2024).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from charloc.descent import batches
from charloc.lattice import ctc_posterior, ctc_viterbi, frames_needed
from charloc.learning import Sample, augment, autocast, one_thread
from charloc.methods import Progress
from charloc.nets import STRIDE
from charloc.nets_scan import ScanNet
from charloc.normalise import HEIGHT

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
GUIDED = 0.3
"""Share of the first M-step during which characters may be aligned only where they are believed to be."""
SLACK = 1.5
"""Frames a believed character may be outside of where it is believed to be."""
PRIOR_MEMORY = 0.98
"""How much of the classes' shares is remembered from batch to batch."""


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """One word to learn from.

    Args:
        sample: its view, and where its characters are believed to be; spans in frames.
        order: int64 (K,), the characters that are to be aligned, in layout order (indices into the sample's).
        pinned: bool (L,), which characters may be nowhere else.
        guided: whether it is believed at all that the characters are there.
    """

    sample: Sample
    order: NDArray[np.int64]
    pinned: NDArray[np.bool_]
    guided: bool


def learnable(lesson: Lesson) -> bool:
    """Whether the word has characters, and frames enough for them."""
    classes = lesson.sample.classes[lesson.order].astype(np.int32)
    return len(classes) > 0 and frames_needed(classes) <= lesson.sample.pixels.shape[1] // STRIDE


def align(
    log_probs: Floats, frames: Ints, targets: Ints, lengths: Ints, windows: Ints, prior: Floats, hard: bool
) -> tuple[Floats, NDArray[np.float64]]:
    """Occupations of a batch of words under class priors.

    Args:
        log_probs, frames, targets, lengths, windows: as for `lattice.ctc_posterior`.
        prior: float32 (C,), subtracted from every frame's log-probabilities.
        hard: the best path's (0 or 1) instead of all paths' mean.

    Returns:
        float32 (B, T, L), and the words' scores, float64 (B,); a word whose windows contradict each other is aligned
        as if it had none.
    """
    scaled = log_probs - prior
    occupation, score = _align(scaled, frames, targets, lengths, windows, hard)
    stuck = np.flatnonzero(~np.isfinite(score))
    if len(stuck):
        free = np.zeros((len(stuck), targets.shape[1], 2), dtype=np.int32)
        free[:, :, 1] = log_probs.shape[1]
        again = _align(scaled[stuck], frames[stuck], targets[stuck], lengths[stuck], free, hard)
        occupation[stuck], score[stuck] = again
    return occupation, score


def _align(
    log_probs: Floats, frames: Ints, targets: Ints, lengths: Ints, windows: Ints, hard: bool
) -> tuple[Floats, NDArray[np.float64]]:
    if not hard:
        return ctc_posterior(log_probs, frames, targets, lengths, windows)
    path, score = ctc_viterbi(log_probs, frames, targets, lengths, windows)
    return (path[:, :, None] == np.arange(targets.shape[1])).astype(np.float32), score


def windows_of(spans: Floats, held: NDArray[np.bool_], length: int, slack: float = SLACK) -> Ints:
    """Frames in which each of L characters may be emitted, int32 (L, 2): around its span where held, else all.

    Args:
        spans: float32 (L, 2), in frames.
        held: bool (L,).
        length: frames of the word.
    """
    windows = np.zeros((len(spans), 2), dtype=np.int32)
    windows[:, 1] = length
    for k in np.flatnonzero(held & np.isfinite(spans[:, 0])):
        low = int(np.clip(np.floor(spans[k, 0] - slack), 0, length - 1))
        windows[k] = low, int(np.clip(np.ceil(spans[k, 1] + slack), low + 1, length))
    return windows


@one_thread()
def train(
    net: ScanNet, lessons: Sequence[Lesson], steps: int, peak_rate: float, seed: int, log_prior: Floats,
    *, prior_scale: float, hard: bool, squared: bool, progress: Progress,
) -> tuple[dict[str, float], Floats]:  # fmt: skip
    """Online EM over random batches; AdamW with a one-cycle rate.

    Args:
        log_prior: float32 (C,), what is known of the classes' shares of frames (log), to start from.
        prior_scale: how much of it is taken off when aligning; 0 is plain CTC.
        hard: align by the best path.
        squared: squared error instead of cross entropy.

    Returns:
        Mean loss and log-likelihood per character over the last fifth of the steps; the classes' log shares.
    """
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    net.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(net.parameters(), lr=peak_rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, peak_rate, total_steps=steps, pct_start=0.15)
    share = np.exp(log_prior.astype(np.float64))
    kept: list[tuple[float, float]] = []
    for step, chosen in enumerate(batches([lesson.sample for lesson in lessons], steps, rng)):
        progress("learn", step, steps)
        guided = step < GUIDED * steps
        batch = _collate([lessons[i] for i in chosen], rng, guided)
        with autocast():
            scores = net(batch.views, batch.frames)
        log_probs = torch.log_softmax(scores.float(), dim=2)
        now = log_probs.detach().numpy()
        frames = batch.frames.numpy().astype(np.int32)
        prior = (prior_scale * np.log(share)).astype(np.float32)
        occupation, score = align(now, frames, batch.targets, batch.lengths, batch.windows, prior, hard)
        truth, weights = _truth(occupation, batch, log_probs.shape[2])
        error = (log_probs.exp() - truth).square().sum(2) if squared else -(truth * log_probs).sum(2)
        loss = (error * weights).sum() / weights.sum()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        optimiser.step()
        schedule.step()
        own = np.arange(now.shape[1])[None, :] < frames[:, None]
        share = PRIOR_MEMORY * share + (1 - PRIOR_MEMORY) * np.exp(now[own].astype(np.float64)).mean(axis=0)
        if step >= int(0.8 * steps):
            kept.append((float(loss.detach()), float(score.sum() / batch.lengths.sum())))
    progress("learn", steps, steps)
    net.eval()
    means = np.mean(np.array(kept), axis=0)
    learned = {"loss": float(means[0]), "log_likelihood": float(means[1]), "steps": float(steps)}
    return learned, np.log(share).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class _Batch:
    """Padded lessons: views (B, 1, HEIGHT, W), frames (B,); targets (B, L), lengths (B,), windows (B, L, 2); how much
    each character counts, (B, L), and each word, (B,)."""

    views: Tensor
    frames: Tensor
    targets: Ints
    lengths: Ints
    windows: Ints
    weights: Floats
    words: Floats


def _collate(lessons: Sequence[Lesson], rng: np.random.Generator, guided: bool) -> _Batch:
    moved = [augment(lesson.sample, rng) for lesson in lessons]
    width = max(pixels.shape[1] for pixels, _ in moved)
    width += -width % STRIDE
    most = max(len(lesson.order) for lesson in lessons)
    views = np.zeros((len(lessons), 1, HEIGHT, width), dtype=np.float32)
    frames = np.zeros(len(lessons), dtype=np.int64)
    targets = np.zeros((len(lessons), most), dtype=np.int32)
    windows = np.zeros((len(lessons), most, 2), dtype=np.int32)
    weights = np.zeros((len(lessons), most), dtype=np.float32)
    words = np.ones(len(lessons), dtype=np.float32)
    lengths = np.array([len(lesson.order) for lesson in lessons], dtype=np.int32)
    for b, (lesson, (pixels, spans)) in enumerate(zip(lessons, moved, strict=True)):
        views[b, 0, :, : pixels.shape[1]] = pixels
        frames[b] = -(-pixels.shape[1] // STRIDE)
        targets[b, : lengths[b]] = lesson.sample.classes[lesson.order]
        held = lesson.pinned | (guided and lesson.guided)
        windows[b, : lengths[b]] = windows_of(spans[lesson.order], held[lesson.order], int(frames[b]))
        # What is only believed counts the same everywhere: CTC finds out for itself how sure it is.
        weights[b, : lengths[b]] = np.where(lesson.pinned, lesson.sample.weights, 1.0)[lesson.order]
        words[b] = min(float(lesson.sample.weights.max()), 1.0)
    return _Batch(
        torch.from_numpy(views).contiguous(memory_format=torch.channels_last),
        torch.from_numpy(frames), targets, lengths, windows, weights, words,
    )  # fmt: skip


def _truth(occupation: Floats, batch: _Batch, classes: int) -> tuple[Tensor, Tensor]:
    """The aligned distribution of every frame, (B, T, C), and how much each frame counts, (B, T)."""
    count, length, _ = occupation.shape
    posterior = torch.from_numpy(occupation)
    truth = torch.zeros(count, length, classes)
    index = torch.from_numpy(batch.targets.astype(np.int64))[:, None, :].expand(-1, length, -1)
    truth.scatter_add_(2, index, posterior)
    blank = 1.0 - posterior.sum(2)
    truth[:, :, 0] += blank
    weights = blank + (posterior * torch.from_numpy(batch.weights)[:, None, :]).sum(2)
    own = torch.arange(length)[None, :] < batch.frames[:, None]
    return truth, weights * own * torch.from_numpy(batch.words)[:, None]
