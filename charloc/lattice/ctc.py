"""Connectionist temporal classification: a transcript laid over the frames of a net, one character or blank each.

Class 0 is the blank. A character fills one or more frames in a row; blanks may stand anywhere, and one must stand
between neighbours that are the same character.

After a frame a word is in one of 2 L + 1 states: character k, or the blank before character k, or the blank after the
last. The two kinds are kept in arrays of their own, so that a frame is one loop without branches.

Source: Graves et al., "Connectionist Temporal Classification" (ICML 2006); the split and the band derived here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

from charloc.types import TranscriptError

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Inputs = tuple[Floats, Ints, Ints, Ints, Ints]

NEGLIGIBLE = 40.0
"""Nats below which a summand is not worth its exponential: exp(-40) is lost in a float64."""
STAYED, FROM_BLANK, FROM_OTHER, FROM_CHAR = (np.uint8(flag) for flag in (0, 1, 2, 4))
"""Where the best way came from: into a character from the blank or the character before it; into a blank from that."""


def ctc_viterbi(
    log_probs: Floats,
    frames: Ints,
    targets: Ints,
    lengths: Ints,
    windows: Ints | None = None,
    names: Sequence[str] | None = None,
) -> tuple[Ints, NDArray[np.float64]]:
    """The most probable way of emitting each transcript, for a padded batch.

    Args:
        log_probs: float32 (B, T, C), log-probabilities of the classes in every frame; class 0 is the blank.
        frames: int (B,), how many frames each word has; what comes after them is not read.
        targets: int (B, L), classes 1 to C - 1 of each word's characters, in the order of the frames.
        lengths: int (B,), how many characters each word has; 0 is allowed.
        windows: int (B, L, 2), character k may be emitted only in frames lo <= t < hi; None if all are free.
        names: (B,), what to call the words in errors.

    Returns:
        path: int32 (B, T), index of the character emitted in a frame; -1 for a blank, and after the last frame.
        score: float64 (B,), log-probability of that path; -infinity, and the path all -1, where there is none.

    Raises:
        TranscriptError: a word has more characters than fit its frames.
        ValueError: the arrays do not belong together, or there are NaN where it matters.
    """
    inputs = _checked(log_probs, frames, targets, lengths, windows, names)
    path, score = _viterbi(*inputs)
    return path, _numbers(score, names)


def ctc_posterior(
    log_probs: Floats,
    frames: Ints,
    targets: Ints,
    lengths: Ints,
    windows: Ints | None = None,
    names: Sequence[str] | None = None,
) -> tuple[Floats, NDArray[np.float64]]:
    """Probability of every character being emitted in every frame, over all ways of emitting each transcript.

    Args:
        as for `ctc_viterbi`.

    Returns:
        posterior: float32 (B, T, L), what is left to 1 is the blank's; 0 in padding, and where there is no way.
        score: float64 (B,), log-likelihood of the transcript; -infinity where there is no way.

    Raises:
        TranscriptError, ValueError: as `ctc_viterbi`.
    """
    inputs = _checked(log_probs, frames, targets, lengths, windows, names)
    posterior, score = _forward_backward(*inputs)
    return posterior, _numbers(score, names)


def frames_needed(target: Ints) -> int:
    """How many frames a transcript takes at least: one a character, and a blank between neighbours that repeat.

    Args:
        target: int (L,), classes.

    >>> frames_needed(np.array([8, 5, 12, 12, 15]))
    6
    """
    target = np.asarray(target)
    return len(target) + int(np.count_nonzero(target[1:] == target[:-1]))


def _checked(
    log_probs: Floats, frames: Ints, targets: Ints, lengths: Ints, windows: Ints | None, names: Sequence[str] | None
) -> Inputs:
    """The arguments as the compiled code takes them, known to belong together."""
    log_probs = np.ascontiguousarray(log_probs, dtype=np.float32)
    frames, targets, lengths = (np.ascontiguousarray(each, dtype=np.int32) for each in (frames, targets, lengths))
    if log_probs.ndim != 3 or targets.ndim != 2:
        raise ValueError(f"log_probs must be (B, T, C) and targets (B, L), not {log_probs.shape} and {targets.shape}")
    batch, longest, classes = log_probs.shape
    most = targets.shape[1]
    if len(targets) != batch or frames.shape != (batch,) or lengths.shape != (batch,):
        raise ValueError(
            f"{batch} words in log_probs, but frames {frames.shape}, targets {targets.shape}, lengths {lengths.shape}"
        )
    if windows is None:
        windows = np.empty((batch, most, 2), dtype=np.int32)
        windows[:, :, 0], windows[:, :, 1] = 0, longest
    windows = np.ascontiguousarray(windows, dtype=np.int32)
    if windows.shape != (batch, most, 2):
        raise ValueError(f"windows must be {(batch, most, 2)}, not {windows.shape}")
    if ((frames < 0) | (frames > longest)).any():
        raise ValueError(f"frames must be 0 to {longest}, not {frames.min()} to {frames.max()}")
    if ((lengths < 0) | (lengths > most)).any():
        raise ValueError(f"lengths must be 0 to {most}, not {lengths.min()} to {lengths.max()}")
    used = np.arange(most) < lengths[:, None]
    if (used & ((targets < 1) | (targets >= classes))).any():
        raise ValueError(f"targets must be classes 1 to {classes - 1}; 0 is the blank")
    repeats = ((targets[:, 1:] == targets[:, :-1]) & used[:, 1:]).sum(axis=1)
    short = np.flatnonzero(frames < lengths + repeats)
    if len(short):
        b = int(short[0])
        again = f", {repeats[b]} of them between repeated ones" if repeats[b] else ""
        others = f" So it is with {len(short) - 1} more: {_some(short[1:], names)}." if len(short) > 1 else ""
        raise TranscriptError(
            f"{_name(b, names)}: {lengths[b]} characters need at least {lengths[b] + repeats[b]} frames{again}, and "
            f"its picture gives {frames[b]}.{others} Correct the transcript, or take the word out."
        )
    return log_probs, frames, targets, lengths, windows


def _numbers(score: NDArray[np.float64], names: Sequence[str] | None) -> NDArray[np.float64]:
    wrong = np.flatnonzero(np.isnan(score))
    if len(wrong):
        raise ValueError(f"log_probs has NaN: {_some(wrong, names)}")
    return score


def _name(b: int, names: Sequence[str] | None) -> str:
    return f"word {b} of the batch" if names is None else names[b]


def _some(which: Ints, names: Sequence[str] | None) -> str:
    return ", ".join(_name(int(b), names) for b in which[:3]) + (", ..." if len(which) > 3 else "")


@njit(cache=True, nogil=True)
def _emissions(row: Floats, t: int, target: Ints, windows: Ints, out: Floats) -> None:
    """Log-probabilities of consecutive characters in frame t; forbidden outside their windows."""
    for k in range(len(out)):
        out[k] = row[target[k]] if windows[k, 0] <= t < windows[k, 1] else np.float32(-np.inf)


@njit(cache=True, nogil=True)
def _viterbi(
    log_probs: Floats, frames: Ints, targets: Ints, lengths: Ints, windows: Ints
) -> tuple[Ints, NDArray[np.float64]]:
    batch, longest, _ = log_probs.shape
    most = targets.shape[1]
    never = np.float32(-np.inf)
    path = np.full((batch, longest), -1, dtype=np.int32)
    score = np.full(batch, -np.inf)
    # Character k is at k + 1: what stands before the first is never. Character L, which is none, is never emitted.
    chars = np.empty((2, most + 2), dtype=np.float32)
    blanks = np.empty((2, most + 1), dtype=np.float32)
    emit = np.empty(most + 1, dtype=np.float32)
    skip = np.empty(most + 1, dtype=np.float32)
    back = np.empty((longest, most + 1), dtype=np.uint8)
    for b in range(batch):
        count, last = lengths[b], frames[b] - 1
        chars[:] = never
        blanks[:] = never
        blanks[1, 0] = 0.0
        emit[count] = never
        for k in range(count + 1):
            free = 0 < k < count and targets[b, k] != targets[b, k - 1]
            skip[k] = np.float32(0.0) if free else never
        for t in range(last + 1):
            # What frame t can have reached, and from where the end can still be: no frame emits two characters.
            low, high = max(0, count - 1 - last + t), min(count, t) + 1
            real = min(high, count)
            _emissions(log_probs[b, t], t, targets[b, low:real], windows[b, low:real], emit[low:real])
            old, new = (t + 1) % 2, t % 2
            _viterbi_frame(
                chars[old, low + 1 : high + 1], chars[old, low:high], blanks[old, low:high],
                emit[low:high], skip[low:high], log_probs[b, t, 0],
                chars[new, low + 1 : high + 1], blanks[new, low:high], back[t, low:high],
            )  # fmt: skip
        final = last % 2
        blank = not chars[final, count] > blanks[final, count]
        k = count if blank else count - 1
        best = blanks[final, count] if blank else chars[final, count]
        if not best > never:
            score[b] = best
            continue
        # Summed again along the path: single precision is enough to choose, not to report.
        total = 0.0
        for t in range(last, -1, -1):
            total += log_probs[b, t, 0 if blank else targets[b, k]]
            if blank:
                if back[t, k] & FROM_CHAR:
                    k, blank = k - 1, False
            else:
                path[b, t] = k
                if back[t, k] & FROM_OTHER:
                    k -= 1
                elif back[t, k] & FROM_BLANK:
                    blank = True
        score[b] = total
    return path, score


@njit(cache=True, nogil=True)
def _viterbi_frame(
    chars: Floats, previous: Floats, blanks: Floats, emit: Floats, skip: Floats, blank: float,
    new_chars: Floats, new_blanks: Floats, back: NDArray[np.uint8],
) -> None:  # fmt: skip
    """One frame for consecutive states; written so that the compiler does several at once.

    Args:
        chars, previous, blanks: scores before the frame of each character, the one before it, the blank between them.
        emit, blank: log-probabilities of the characters and of the blank in this frame.
        skip: 0 where a character may follow the one before it without a blank, else -infinity.
        new_chars, new_blanks: filled with the scores after the frame.
        back: filled with where both came from; neither FROM_ flag of a state is set where it stayed.
    """
    for k in range(len(emit)):
        char, other, rest = chars[k], previous[k], blanks[k]
        jump = other + skip[k]
        best = rest if rest > char else char
        origin = FROM_BLANK if rest > char else STAYED
        origin = FROM_OTHER if jump > best else origin
        best = jump if jump > best else best
        new_chars[k] = best + emit[k]
        new_blanks[k] = (other if other > rest else rest) + blank
        back[k] = origin | (FROM_CHAR if other > rest else STAYED)


@njit(cache=True, nogil=True)
def _log_add(a: float, b: float) -> float:
    if a < b:
        a, b = b, a
    # Not "a - b > NEGLIGIBLE": of two that are both -infinity the difference is not a number.
    if not a - b < NEGLIGIBLE:
        return a
    return a + np.log(1.0 + np.exp(b - a))


@njit(cache=True, nogil=True)
def _forward_backward(
    log_probs: Floats, frames: Ints, targets: Ints, lengths: Ints, windows: Ints
) -> tuple[Floats, NDArray[np.float64]]:
    batch, longest, _ = log_probs.shape
    most = targets.shape[1]
    posterior = np.zeros((batch, longest, most), dtype=np.float32)
    score = np.full(batch, -np.inf)
    # As in `_viterbi`; row t is what comes before frame t, so that row 0 is the start.
    chars = np.empty((longest + 1, most + 2))
    blanks = np.empty((longest + 1, most + 1))
    emit = np.empty(most + 1, dtype=np.float32)
    repeats = np.zeros(most + 2, dtype=np.bool_)
    # What is to come after a frame, in each state; character k is at k.
    next_chars = np.empty(most + 1)
    next_blanks = np.empty(most + 1)
    for b in range(batch):
        count, size = lengths[b], frames[b]
        chars[: size + 1] = -np.inf
        blanks[: size + 1] = -np.inf
        blanks[0, 0] = 0.0
        emit[count] = -np.inf
        for k in range(1, count + 1):
            repeats[k] = k < count and targets[b, k] == targets[b, k - 1]
        for t in range(size):
            low, high = max(0, count - size + t), min(count, t) + 1
            real = min(high, count)
            _emissions(log_probs[b, t], t, targets[b, low:real], windows[b, low:real], emit[low:real])
            for k in range(low, high):
                rest = _log_add(blanks[t, k], chars[t, k])
                blanks[t + 1, k] = rest + log_probs[b, t, 0]
                chars[t + 1, k + 1] = _log_add(chars[t, k + 1], blanks[t, k] if repeats[k] else rest) + emit[k]
        whole = _log_add(blanks[size, count], chars[size, count])
        score[b] = whole
        if not whole > -np.inf:
            continue
        next_chars[:] = -np.inf
        next_blanks[:] = -np.inf
        next_blanks[count] = 0.0
        if count > 0:
            next_chars[count - 1] = 0.0
        for t in range(size - 1, -1, -1):
            low, high = max(0, count - size + t), min(count, t) + 1
            real = min(high, count)
            for k in range(low, real):
                posterior[b, t, k] = np.exp(chars[t + 1, k + 1] + next_chars[k] - whole)
            # From after frame t to before it: what the frame emits joins what follows. The state before the lowest
            # can get there in this frame; what can follow the highest is of no use, it was not reached before.
            low = max(0, low - 1)
            _emissions(log_probs[b, t], t, targets[b, low:real], windows[b, low:real], emit[low:real])
            rest_after, either_after = -np.inf, -np.inf
            for k in range(high - 1, low - 1, -1):
                here, rest = next_chars[k] + emit[k], next_blanks[k] + log_probs[b, t, 0]
                next_chars[k] = _log_add(here, rest_after if repeats[k + 1] else either_after)
                next_blanks[k] = _log_add(rest, here)
                rest_after, either_after = rest, next_blanks[k]
    return posterior, score
