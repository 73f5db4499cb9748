"""Training a `SegmentalNet` on words whose characters are believed to be somewhere."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import partial
from itertools import pairwise
from textwrap import shorten
from threading import Lock

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor, nn

from charloc.descent import Schedule, descend
from charloc.learning_spans import near_spans
from charloc.methods import Progress
from charloc.nets import STRIDE, SegmentalNet
from charloc.normalise import HEIGHT
from charloc.types import CharlocError

JITTER_FRAMES = 1


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One word to learn from.

    Args:
        pixels: uint8 (HEIGHT, W), the word's view.
        classes: int64 (L,).
        spans: float32 (L, 2), each character's ink from frame to frame, as a search would find it; they may overlap
            where ink leans. NaN where there is no box.
        edges: float32 (L, 4), its box from its span's middle and the baseline, core heights.
        weights: float32 (L,), how much each character counts: up to 1 where it is believed to be, more where pinned.
        repeat: how often the word is shown per epoch.
    """

    pixels: NDArray[np.uint8]
    classes: NDArray[np.int64]
    spans: NDArray[np.float32]
    edges: NDArray[np.float32]
    weights: NDArray[np.float32]
    repeat: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Padded samples: views (B, 1, HEIGHT, W); per frame class and weight (B, T); per character (M, ...) what comes
    then; `spans` (S, 4), the first columns of `near_spans`, and how much each counts."""

    views: Tensor
    targets: Tensor
    frame_weights: Tensor
    word: Tensor
    start: Tensor
    end: Tensor
    name: Tensor
    edges: Tensor
    character_weights: Tensor
    spans: Tensor
    span_weights: Tensor

    def to(self, device: str) -> Batch:
        """The same on a device, as torch names it."""
        return Batch(*(getattr(self, each.name).to(device) for each in fields(self)))


def train(net: SegmentalNet, samples: Sequence[Sample], schedule: Schedule, progress: Progress) -> dict[str, float]:
    """Cross entropy of frames and of whole spans plus L1 on box edges, AdamW with a one-cycle rate.

    Returns:
        Mean losses over the last fifth of the steps.
    """
    device = schedule.device

    def losses(batch: Batch) -> tuple[Tensor, ...]:
        batch = batch.to(device)
        with autocast(device):
            features = net.features(batch.views)
            logits = net.logits(features)
        features, logits = features.float(), logits.float()
        frames = nn.functional.cross_entropy(logits, batch.targets, reduction="none", label_smoothing=0.02)
        frame_loss = (frames * batch.frame_weights).sum() / batch.frame_weights.sum().clamp(min=1.0)
        return frame_loss, box_loss(net, features, batch), span_loss(net, features, batch)

    with learning_on(net, device):
        frame_loss, boxes_loss, _ = descend(net.train(), samples, schedule, collate, losses, partial(progress, "learn"))
    return {"frame_loss": frame_loss, "box_loss": boxes_loss, "steps": float(schedule.steps)}


def train_wholes(net: SegmentalNet, samples: Sequence[Sample], schedule: Schedule, progress: Progress) -> float:
    """Only what the net says of spans as a whole is learned, as in `train`; all else stays as it is.

    Returns:
        The mean loss over the last fifth of the steps.
    """
    return _train_head(net, net.whole, span_loss, samples, schedule, partial(progress, "learn spans"))


def train_boxes(net: SegmentalNet, samples: Sequence[Sample], schedule: Schedule, progress: Progress) -> float:
    """Only where boxes end is learned, by known characters and spans, as in `train`; all else stays as it is.

    Returns:
        The mean loss over the last fifth of the steps.
    """
    head = nn.ModuleList([net.box, net.name])
    return _train_head(net, head, box_loss, samples, schedule, partial(progress, "learn boxes"))


def _train_head(
    net: SegmentalNet, head: nn.Module, loss_of: Callable[[SegmentalNet, Tensor, Batch], Tensor],
    samples: Sequence[Sample], schedule: Schedule, progress: Callable[[int, int], None],
) -> float:  # fmt: skip
    """Learn one part of the net by its own loss, of features that stay as they are."""
    device = schedule.device

    def losses(batch: Batch) -> tuple[Tensor, ...]:
        batch = batch.to(device)
        with torch.no_grad(), autocast(device):
            features = net.features(batch.views)
        return (loss_of(net, features.float(), batch),)

    with learning_on(net.eval(), device):
        (loss,) = descend(head, samples, schedule, collate, losses, progress)
    return loss


def check_device(device: str) -> None:
    """Refuse a device that nets cannot learn on, before anything else is done.

    Raises:
        CharlocError: torch does not compute on `device` here.
    """
    try:
        torch.ones(1, device=device).sum().item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        why = shorten(str(error).splitlines()[0], 100, placeholder=" ...")
        message = f"torch cannot compute on {device} here ({why}). Name another, or leave out --device."
        raise CharlocError(message) from error


@contextmanager
def learning_on(net: nn.Module, device: str) -> Iterator[None]:
    """The net on a device, its weights laid out for images; afterwards on the processor, ready to say something."""
    net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    try:
        yield
    finally:
        net.cpu().eval()


@torch.no_grad()
def blend(net: nn.Module, before: Mapping[str, Tensor], share: float) -> None:
    """Take what a net has learned back by `share`, in place; what it did not have before stays as it was learned.

    Between the weights of a net that knows much and those of the same net after it has learned from a few words, nets
    do better than at either end. Source: Wortsman et al. 2022, Robust fine-tuning of zero-shot models.

    Args:
        before: copies of the net's state before it learned; it may have had fewer classes then.
        share: 0 leaves all that was learned, 1 nothing.
    """
    state = net.state_dict()
    for name, old in before.items():
        if old.is_floating_point():
            state[name][tuple(slice(size) for size in old.shape)].lerp_(old, share)


def box_loss(net: SegmentalNet, features: Tensor, batch: Batch) -> Tensor:
    """Mean distance of the edges from where they should be, core heights."""
    edges = net.boxes(features, batch.word, batch.start, batch.end, batch.name)
    off = (edges - batch.edges).abs().mean(dim=1)
    return (off * batch.character_weights).sum() / batch.character_weights.sum().clamp(min=1.0)


def span_loss(net: SegmentalNet, features: Tensor, batch: Batch) -> Tensor:
    """Cross entropy of what spans are; it leaves the features alone, which frames and boxes teach."""
    scores = net.wholes(features.detach(), *batch.spans[:, :3].unbind(dim=1))
    wrong = nn.functional.cross_entropy(scores, batch.spans[:, 3], reduction="none", label_smoothing=0.02)
    return (wrong * batch.span_weights).sum() / batch.span_weights.sum().clamp(min=1.0)


_LOCK, _INSIDE = Lock(), list[int]()


@contextmanager
def one_thread() -> Iterator[None]:
    """torch on one thread, for nets that take many small steps one after the other, as an LSTM does.

    Its threads wait for each other busily: beside other work two are three times slower than one (docs/experiments.md).
    """
    with _LOCK:
        _INSIDE.append(torch.get_num_threads())
        torch.set_num_threads(1)
    try:
        yield
    finally:
        # Several may be inside at once, on several threads: the last to leave puts back what the first one found.
        with _LOCK:
            before = _INSIDE[0]
            _INSIDE.pop()
            if not _INSIDE:
                torch.set_num_threads(before)


def autocast(device: str = "cpu") -> torch.autocast:
    """bfloat16 where the processor, or another device, computes in it, else nothing."""
    return torch.autocast(device.split(":")[0], torch.bfloat16, enabled=device != "cpu" or _bfloat16_is_fast())


def _bfloat16_is_fast() -> bool:
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(supported is not None and supported()) and os.environ.get("CHARLOC_FLOAT32") != "1"


def collate(samples: Sequence[Sample], rng: np.random.Generator | None) -> Batch:
    """Samples padded to one width; augmented where `rng` is given.

    Augmentation: shift and shear of the view (spans follow the shift), ink level, blur and noise: without
    it a net learns its own guess by heart.
    """
    moved = [augment(sample, rng) for sample in samples]
    width = max(pixels.shape[1] for pixels, _ in moved)
    width += -width % STRIDE
    frames = width // STRIDE
    views = np.zeros((len(samples), 1, HEIGHT, width), dtype=np.float32)
    targets = np.zeros((len(samples), frames), dtype=np.int64)
    weights = np.zeros((len(samples), frames), dtype=np.float32)
    rows: list[tuple[int, int, int, int]] = []
    edges: list[NDArray[np.float32]] = []
    counts: list[float] = []
    for b, (sample, (pixels, spans)) in enumerate(zip(samples, moved, strict=True)):
        views[b, 0, :, : pixels.shape[1]] = pixels
        length = -(-pixels.shape[1] // STRIDE)
        weights[b, :length] = float(np.mean(np.minimum(sample.weights, 1.0))) if len(sample.weights) else 0.0
        parts = parted(spans)
        for k in np.flatnonzero(np.isfinite(spans[:, 0]) & (sample.classes > 0)):
            start, end = _frames(parts[k], frames)
            targets[b, start:end] = sample.classes[k]
            weights[b, start:end] = sample.weights[k]
            if sample.weights[k] > 0:
                start, end = _frames(spans[k], frames)
                jitter = rng.integers(-JITTER_FRAMES, JITTER_FRAMES + 1, 2) if rng is not None else (0, 0)
                first = int(np.clip(start + jitter[0], 0, frames - 1))
                last = int(np.clip(end + jitter[1], first + 1, frames))
                # Edges are told from the span's middle: it moves with the jitter.
                shift = ((first + last) / 2 - (float(spans[k, 0]) + float(spans[k, 1])) / 2) * STRIDE / 16.0
                rows.append((b, first, last, int(sample.classes[k])))
                edges.append(sample.edges[k] - np.array([shift, 0, shift, 0], dtype=np.float32))
                counts.append(float(sample.weights[k]))
    index = np.array(rows or [(0, 0, 1, 0)], dtype=np.int64)
    character_weights = np.array(counts or [0.0], dtype=np.float32)
    chance = rng if rng is not None else np.random.default_rng(0)
    spans = near_spans(index[:, 0], index[:, 1], index[:, 2], index[:, 3], frames, chance)
    return Batch(
        views=torch.from_numpy(views).contiguous(memory_format=torch.channels_last),
        targets=torch.from_numpy(targets),
        frame_weights=torch.from_numpy(weights),
        word=torch.from_numpy(index[:, 0].copy()),
        start=torch.from_numpy(index[:, 1].copy()),
        end=torch.from_numpy(index[:, 2].copy()),
        name=torch.from_numpy(index[:, 3].copy()),
        edges=torch.from_numpy(np.array(edges, dtype=np.float32).reshape(-1, 4)) if edges else torch.zeros(1, 4),
        character_weights=torch.from_numpy(character_weights),
        spans=torch.from_numpy(spans[:, :4].copy()),
        span_weights=torch.from_numpy(character_weights[spans[:, 4]]),
    )


def _frames(span: NDArray[np.float32], frames: int) -> tuple[int, int]:
    """The frames that a span covers, at least one, within the view's."""
    start = int(np.clip(round(float(span[0])), 0, frames - 1))
    return start, int(np.clip(round(float(span[1])), start + 1, frames))


def parted(spans: NDArray[np.float32], order: Sequence[int] | None = None) -> NDArray[np.float32]:
    """Spans (L, 2) of which those that overlap end halfway: a place is one character's. NaN stays, and so do two
    whose middles are not in order.

    Args:
        order: how the characters follow each other; None: as the spans' middles do.
    """
    out = spans.copy()
    known, middles = np.isfinite(spans[:, 0]), spans.mean(axis=1)
    following = np.argsort(middles, kind="stable").tolist() if order is None else order
    for one, other in pairwise(k for k in following if known[k]):
        if out[one, 1] > out[other, 0] and middles[one] <= middles[other]:
            halfway = (spans[one, 1] + spans[other, 0]) / 2
            # Beyond a middle it is only where one lies within the other; so no span ends before it starts.
            out[one, 1] = out[other, 0] = np.clip(halfway, middles[one], middles[other])
    return out


def augment(sample: Sample, rng: np.random.Generator | None) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Pixels 0..1 and spans of a sample, changed at random."""
    if rng is None:
        return sample.pixels.astype(np.float32) / 255.0, sample.spans
    pixels, across, _ = distort(sample.pixels, rng)
    return pixels, sample.spans + np.float32(across / STRIDE)


def distort(pixels: NDArray[np.uint8], rng: np.random.Generator) -> tuple[NDArray[np.float32], float, float]:
    """A view changed at random: shift, shear, ink level, blur and noise.

    Args:
        pixels: uint8 (HEIGHT, W).

    Returns:
        pixels: float32 (HEIGHT, W), 0..1.
        across, down: how far what is at row 25 has moved, px.
    """
    lean = float(rng.normal(0, 0.06))
    down = float(rng.normal(0, 1.0))
    across = float(rng.uniform(-1.0, 1.0))
    # Output (r, c) is taken from (r - down, c - across + lean * (r - 25)).
    matrix = np.array([[1.0, 0.0], [lean, 1.0]])
    bright = pixels.astype(np.float32) / 255.0
    moved = ndimage.affine_transform(bright, matrix, (-down, -across - lean * 25), order=1, mode="constant")
    return roughen(moved, rng), across, down


def roughen(pixels: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Ink as another printing and another scan might show it: blurred, thinner, fatter, paler, noisy; 0..1."""
    if rng.random() < 0.3:
        pixels = ndimage.gaussian_filter(pixels, float(rng.uniform(0.3, 0.9)))
    if rng.random() < 0.3:
        grow = ndimage.grey_dilation if rng.random() < 0.5 else ndimage.grey_erosion
        pixels = 0.5 * pixels + 0.5 * grow(pixels, size=(2, 2))
    pixels = pixels * float(rng.uniform(0.8, 1.1)) + rng.normal(0, float(rng.uniform(0, 0.06)), pixels.shape)
    return np.clip(pixels, 0, 1).astype(np.float32)
