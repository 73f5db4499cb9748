"""Which pixels an output of a scanning net hangs on: by derivative, and by covering them up.

What is asked of the net are the outputs s_k = sum over frames t of occupation[t, k] * log p / (1 - p), where p is the
probability that frame t is character k's class. Occupations are given, and held. (Log-odds, not log p: where the net
is sure, log p hardly changes, whatever is done to the ink.)

Sources: integrated gradients, Sundararajan et al., "Axiomatic Attribution for Deep Networks" (2017); masking, Zeiler
and Fergus, "Visualizing and Understanding Convolutional Networks" (2014).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from charloc.learning import autocast
from charloc.nets import STRIDE
from charloc.nets_scan import SEES, ScanNet
from charloc.normalise import HEIGHT

Floats = NDArray[np.float32]
SMOOTH = 2.0
"""Standard deviation to which importance by column is smoothed, view px: less than a stroke."""
SPREAD = (8.0, 3.0)
"""The same of importance by pixel, down and across: what stands above and below each other mostly belongs together."""
NEAR = 10.0
"""View px around the most important column within which a character's point is averaged: it has no business farther."""
AT_ONCE = 16 * 512
"""Columns of views that are masked at once, all words and masks together: what stays in the processor's cache."""


@dataclass(frozen=True, slots=True, eq=False)
class Outputs:
    """What is asked of each word of a batch.

    Args:
        occupation: float32 (B, T, K), the share of each frame that is each character's; 0 where there is none.
        classes: int64 (B, K).
    """

    occupation: Tensor
    classes: Tensor

    def __call__(self, scores: Tensor) -> Tensor:
        """The outputs, (B, K), from class scores (B, T, C)."""
        log_probs = torch.log_softmax(scores.float(), dim=2)
        odds = log_probs - torch.log1p(-log_probs.exp().clamp(max=1 - 1e-4))
        asked = self.classes[:, None, :].expand(-1, odds.shape[1], -1)
        return (odds.gather(2, asked) * self.occupation).sum(1)


def outputs(occupations: Sequence[Floats], classes: Sequence[NDArray[np.int64]], length: int) -> Outputs:
    """Outputs of B words, padded.

    Args:
        occupations: B arrays, float32 (T_b, K_b).
        classes: B arrays, int64 (K_b,).
        length: T of the batch.
    """
    most = max(len(each) for each in classes)
    occupation = torch.zeros(len(classes), length, most)
    asked = torch.zeros(len(classes), most, dtype=torch.int64)
    for b, (one, names) in enumerate(zip(occupations, classes, strict=True)):
        occupation[b, : one.shape[0], : one.shape[1]] = torch.from_numpy(one)
        asked[b, : len(names)] = torch.from_numpy(names)
    return Outputs(occupation, asked)


# --- by derivative ----------------------------------------------------------------------------------------------------


def gradient_maps(net: ScanNet, views: Tensor, frames: Tensor, asked: Outputs, samples: int = 0) -> Floats:
    """How much each pixel's ink adds to each output: ink times derivative.

    One pass backwards gives one output of every word: words do not mix in a net that is not being trained.

    Args:
        net: in evaluation mode.
        views, frames: as for the net.
        samples: 0: the derivative at the word as it is. n: the mean of derivatives at the word in n strengths of ink
            between none and all of it (integrated gradients from blank paper, midpoints), so that the map adds up to
            what the ink as a whole does.

    Returns:
        float32 (B, K, HEIGHT, W), negative where ink speaks against the output.
    """
    count, most = asked.classes.shape
    total = torch.zeros(count, most, *views.shape[2:])
    strengths = [(n + 0.5) / samples for n in range(samples)] or [1.0]
    for strength in strengths:
        shown = (views * strength).requires_grad_()
        with autocast():
            scores = net(shown, frames)
        summed = asked(scores).sum(0)
        for k in range(most):
            (slope,) = torch.autograd.grad(summed[k], shown, retain_graph=k + 1 < most)
            total[:, k] += slope[:, 0]
    maps: Floats = (total * views / len(strengths)).numpy()
    return maps


# --- by covering up ---------------------------------------------------------------------------------------------------


@torch.inference_mode()
def masking_profiles(
    net: ScanNet, views: Tensor, frames: Tensor, asked: Outputs, width: int, stride: int
) -> tuple[Floats, Floats]:
    """How much each output loses when a bar of paper covers the word, upright bars first, then level ones.

    What only covers paper changes nothing, and is not tried. An upright bar changes what the convolutions see near it
    only: elsewhere that is taken from the word uncovered. Neighbouring bars overlap if `stride` is less than `width`;
    a column's loss is that of the bar with its middle nearest.

    Args:
        net: in evaluation mode.
        views, frames: as for the net; W is even.
        width: of a bar, view px.
        stride: from one bar to the next.

    Returns:
        across: float32 (B, K, W), loss by column.
        down: float32 (B, K, HEIGHT), loss by row.
    """
    with autocast():
        seen = net.columns(views).squeeze(2)
        whole = asked(net.read(seen, frames))
    count, _, height, length = views.shape
    across = torch.zeros(count, whole.shape[1], length)
    down = torch.zeros(count, whole.shape[1], height)
    columns = (views[:, 0] > 0).any(1)
    for part in _parts(_bars(columns, width, stride), max(1, AT_ONCE // length)):
        word, start = part.T
        covered = seen[word]
        window = min(width + 4 * SEES + STRIDE, length)
        window += window % STRIDE
        # Windows at an end of the view begin or end there, so that what the convolutions pad with is the same.
        left = ((start - 2 * SEES) // STRIDE * STRIDE).clamp(0, length - window)
        at = left[:, None] + torch.arange(window)
        strips = views[word[:, None], 0, :, at].transpose(1, 2)
        strips *= ((at < start[:, None]) | (at >= start[:, None] + width))[:, None, :]
        with autocast():
            changed = net.columns(strips[:, None].contiguous(memory_format=torch.channels_last)).squeeze(2)
        # Frames that saw the window's own ends are no good, unless the view ends there too.
        frame = left[:, None] // STRIDE + torch.arange(window // STRIDE)
        good = ((at[:, ::STRIDE] - left[:, None] >= SEES) | (left[:, None] == 0)) & (
            (left[:, None] + window - at[:, ::STRIDE] > SEES) | (left[:, None] + window == length)
        )
        row, column = torch.nonzero(good, as_tuple=True)
        covered[row, :, frame[row, column]] = changed[row, :, column]
        _put(across, net, covered, frames, asked, whole, part, width, stride)
    for part in _parts(_bars((views[:, 0] > 0).any(2), width, stride), max(1, AT_ONCE // length)):
        word, start = part.T
        rows = torch.arange(height)
        open_ = (rows < start[:, None]) | (rows >= start[:, None] + width)
        with autocast():
            covered = net.columns((views[word] * open_[:, None, :, None]).contiguous(memory_format=torch.channels_last))
        _put(down, net, covered.squeeze(2), frames, asked, whole, part, width, stride)
    return across.numpy(), down.numpy()


def _bars(inked: Tensor, width: int, stride: int) -> Tensor:
    """Bars that cover ink, int64 (N, 2): word, and first column. `inked`: bool (B, W)."""
    length = inked.shape[1]
    starts = torch.arange(-(width // 2), length, stride)
    total = torch.nn.functional.pad(inked.long().cumsum(1), (1, 0))
    some = total[:, (starts + width).clamp(0, length)] > total[:, starts.clamp(0, length)]
    word, which = torch.nonzero(some, as_tuple=True)
    return torch.stack([word, starts[which]], dim=1)


def _parts(bars: Tensor, most: int) -> Iterator[Tensor]:
    return iter(bars.split(most)) if len(bars) else iter(())


def _put(
    profile: Tensor, net: ScanNet, covered: Tensor, frames: Tensor, asked: Outputs, whole: Tensor, bars: Tensor,
    width: int, stride: int,
) -> None:  # fmt: skip
    """Write the losses of some bars where they are."""
    word, start = bars.T
    with autocast():
        scores = net.read(covered, frames[word])
    loss = whole[word] - Outputs(asked.occupation[word], asked.classes[word])(scores)
    first = start + width // 2 - stride // 2
    for n in range(stride):
        at = first + n
        fits = (at >= 0) & (at < profile.shape[2])
        profile[word[fits], :, at[fits]] = loss[fits]


def outer(across: Floats, down: Floats) -> Floats:
    """Maps (K, HEIGHT, W) from profiles (K, W) and (K, HEIGHT): a pixel is as important as its column times its row.

    Columns keep what they lose: each adds up to its place in the profile. A character all of whose rows lose nothing
    is as important in one row as in another.
    """
    share = np.maximum(down, 0)
    total = share.sum(axis=1, keepdims=True)
    share = np.where(total > 0, share / np.maximum(total, 1e-9), np.float32(1 / HEIGHT))
    return (share[:, :, None] * across[:, None, :]).astype(np.float32)


# --- what the maps say of a word --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Where a word's K outputs look.

    Args:
        columns: float32 (K,), view px; NaN where nothing is important.
        gathered: float32 (K,), share of the importance that is near that point, 0..1.
        importance: float32 (K, HEIGHT, W), smoothed, nowhere negative; each character's adds up to 1, or is 0.
    """

    columns: Floats
    gathered: Floats
    importance: Floats


def places(maps: Floats, limits: Floats) -> Places:
    """Smooth a word's maps, and find what each character can claim for itself.

    A net looks at a character's neighbours too. So a column counts for a character by how important it is there, times
    its share in that among all characters.

    Args:
        maps: float32 (K, HEIGHT, W), what each pixel adds to each output.
        limits: float32 (K, 2), columns between which each character may be (pins).

    Source: derived here.
    """
    length = maps.shape[2]
    middle = np.arange(length, dtype=np.float32) + np.float32(0.5)
    inside = (middle >= limits[:, :1]) & (middle <= limits[:, 1:])
    profile = ndimage.gaussian_filter1d(np.maximum(maps.sum(axis=1), 0), SMOOTH, axis=1, mode="constant") * inside
    profile /= np.maximum(profile.max(axis=1, keepdims=True), 1e-12)
    claimed = profile * profile / np.maximum(profile.sum(axis=0), 1e-12)
    total = claimed.sum(axis=1)
    peak = ndimage.gaussian_filter1d(claimed, 2 * SMOOTH, axis=1, mode="constant").argmax(axis=1)
    near = claimed * (np.abs(middle - middle[peak][:, None]) <= NEAR)
    mass = near.sum(axis=1)
    known = mass > 1e-9
    columns = np.where(known, (near * middle).sum(axis=1) / np.maximum(mass, 1e-9), np.nan)
    smoothed = ndimage.gaussian_filter(np.maximum(maps, 0), (0, *SPREAD), mode="constant") * inside[:, None, :]
    smoothed /= np.maximum(smoothed.sum(axis=(1, 2), keepdims=True), 1e-12)
    gathered = np.where(known, mass / np.maximum(total, 1e-9), 0.0)
    return Places(columns.astype(np.float32), gathered.astype(np.float32), smoothed.astype(np.float32))


def handovers(importance: Floats, columns: Floats) -> Floats:
    """Where columns stop mattering more to each character and matter more to the next, float32 (K - 1,), view px.

    Each is the place between the two points at which parting the importance leaves most of it on its own side; NaN
    where the points are less than a column apart.

    Args:
        importance: float32 (K, HEIGHT, W), see `Places`.
        columns: float32 (K,), the points, ascending.
    """
    profile = importance.sum(axis=1)
    at = np.clip(columns, 0, profile.shape[1] - 1).astype(int)
    out = np.full(max(len(at) - 1, 0), np.nan, dtype=np.float32)
    for k, (low, high) in enumerate(pairwise(at)):
        if high > low:
            kept = np.concatenate([[0.0], np.cumsum(profile[k, low:high] - profile[k + 1, low:high])])
            out[k] = low + float(np.flatnonzero(kept >= kept.max() - 1e-9).mean())
    return out
