"""EM for x and y: a two-dimensional net, and a two-dimensional search for the path that best spells the transcript.

First guess: the middles of the first guess's boxes; or nothing: then the net first learns from transcripts alone, a
column being whatever any of its cells is (`learning_xy.train_flat`), and its own points become the first guess.
Learned: which character stands at every place of the picture, as it is (neither levelled nor set upright); how far a
known character reaches from its point; how far apart neighbours stand. Re-aligned: a beam search over the net's
strongest places for each character, with the steps from one to the next as they usually are.

The box head draws the typical box, the ink the exact one where it is clean. They are joined as in `segmental`: cuts go
where the box head expects them and the ink is thin, and each edge is the ink's where that is whole (`fusion`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from charloc.boxes import finish, survive
from charloc.descent import Schedule
from charloc.fusion import believed_within, fuse
from charloc.glyphs import has_marks
from charloc.ink import Ink, find_ink
from charloc.lattice import best_path, frames_needed
from charloc.layout import expected_glyphs
from charloc.learning import autocast
from charloc.learning_xy import XySample, columns, pad, train_flat, train_points
from charloc.methods import Checkpoint, Progress, silent
from charloc.methods._learner import (
    NOTHING,
    PINNED_REPEAT,
    PINNED_WEIGHT,
    Learner,
    chunks,
    nothing_believed,
    steps_and_repeats,
)
from charloc.methods.guess import LONGEST
from charloc.nets_xy import CELL, REACH, XyNet
from charloc.pinning import pinned_bounds, visible_order
from charloc.places import FLOOR, Steps, candidates, measure_steps
from charloc.plane import CORE, Plane, plane
from charloc.points import bounds_at, boxes_at, filled
from charloc.scanning import align, windows_of
from charloc.spans import find_spans
from charloc.text import Charset, is_space
from charloc.types import CharlocError, CheckpointError, Localization, Pins, TrainingSet, WordImage

Floats = NDArray[np.float32]
TIMES = 5.0
LEAST, MOST = 400, 700
FLAT_TIMES, FLAT_MOST = 6.0, 800
PRIOR = 0.6
"""How much of the classes' log shares is taken off when aligning from transcripts alone."""


class Xy(Learner[XyNet]):
    """The method `xy`. See the module's docstring.

    Args:
        checkpoint: from an earlier round, or None to start fresh.
        beam: hypotheses kept after each character; as many as there are candidates is exact.
        seed: of everything random in the M-step.
    """

    name = "xy"
    honours_pins = True
    draws_boxes = True
    """Whether it has a box head that has learned something."""

    def __init__(self, checkpoint: Checkpoint | None = None, *, beam: int = 32, seed: int = 0) -> None:
        if beam < 1:
            raise CharlocError(f"beam is {beam}; it has to be 1 or more.")
        self.beam = beam
        self.steps = Steps({}, 0.15)
        super().__init__(checkpoint, seed)

    def _new_net(self, classes: int) -> XyNet:
        return XyNet(classes)

    # --- M-step -------------------------------------------------------------------------------------------------------

    def m_step(self, training: TrainingSet, progress: Progress = silent) -> Mapping[str, float]:
        chosen = [i for i in range(len(training.words)) if training.weights[i] > 0]
        charset = self.charset.extended(training.words[i].characters for i in chosen)
        if not len(charset.symbols):
            raise CheckpointError(NOTHING)
        flat = self.net is None and nothing_believed(training, chosen)
        self._grow(charset)
        assert self.net is not None
        learned: dict[str, float] = {}
        localizations = training.localizations
        if flat:
            flat_learned, prior = self._start_flat(training, chosen, progress)
            learned |= flat_learned
            localizations = self._localize_all(training.words, training.pins, progress, "prepare", PRIOR * prior)
        samples = self._samples(training, localizations, chosen, progress)
        self.steps = measure_steps([letters for letters, _ in samples], [each.boxes for _, each in samples])
        steps, shown = steps_and_repeats([each for _, each in samples], TIMES, LEAST, MOST)
        rate = 2e-3 if self.rounds == 0 else 1e-3
        schedule = Schedule(steps, rate, self.seed + self.rounds)
        learned |= train_points(self.net, shown, schedule, progress)
        self.rounds += 1
        return learned

    def _samples(
        self, training: TrainingSet, localizations: Sequence[Localization], chosen: Sequence[int], progress: Progress
    ) -> list[tuple[list[str], XySample]]:
        """The chosen words' letters in layout order, and what is to be learned from them."""
        out: list[tuple[list[str], XySample]] = []
        with ThreadPoolExecutor(2) as pool:
            done = 0
            for piece in chunks(training.words, chosen):
                progress("prepare", done, len(chosen))
                done += len(piece)
                words = [training.words[i] for i in piece]
                for i, word, seen in zip(piece, words, pool.map(_look, words), strict=True):
                    weight = float(training.weights[i])
                    sample = _sample(seen, word, localizations[i], training.pins[i], self.charset, weight)
                    if len(sample[0]):
                        out.append(sample)
        progress("prepare", len(chosen), len(chosen))
        if not out:
            raise CheckpointError(NOTHING)
        return out

    def _start_flat(
        self, training: TrainingSet, chosen: Sequence[int], progress: Progress
    ) -> tuple[Mapping[str, float], Floats]:
        """From transcripts alone to a net that says roughly where characters are, and the classes' log shares."""
        assert self.net is not None
        samples = [each for _, each in self._samples(training, training.localizations, chosen, progress)]
        fit = [each for each in samples if frames_needed(each.classes) <= each.pixels.shape[1] // CELL[1]]
        if not fit:
            raise CheckpointError("There is nothing to learn from: no picture has room for its transcript. Correct it.")
        steps, shown = steps_and_repeats(fit, FLAT_TIMES, LEAST, FLAT_MOST)
        return train_flat(self.net, shown, Schedule(steps, 6e-3, self.seed), PRIOR, progress)

    # --- E-step -------------------------------------------------------------------------------------------------------

    def e_step(
        self, words: Sequence[WordImage], pins: Sequence[Pins], progress: Progress = silent
    ) -> list[Localization]:
        return self._localize_all(words, pins, progress, "localize")

    def _localize_all(
        self, words: Sequence[WordImage], pins: Sequence[Pins], progress: Progress, phase: str,
        flat_prior: Floats | None = None,
    ) -> list[Localization]:  # fmt: skip
        """Args: flat_prior: given where the net has learned from transcripts alone so far (`scanning.align`'s)."""
        self._learned()
        out: list[Localization] = []
        with ThreadPoolExecutor(2) as pool:
            for some in chunks(words, range(len(words))):
                progress(phase, some[0], len(words))
                chunk = [words[i] for i in some]
                looks = list(pool.map(_look, chunk))
                fields = self._evidence([look.plane for look in looks], flat_prior)
                jobs = zip(chunk, [pins[i] for i in some], looks, fields, strict=True)
                out += pool.map(lambda job: self._survive(*job), jobs)
        progress(phase, len(words), len(words))
        return out

    @torch.inference_mode()
    def _evidence(self, planes: Sequence[Plane], flat_prior: Floats | None) -> list[_Field]:
        """What the net says of each plane; like sizes are batched together."""
        net, draws = self._learned(), self.draws_boxes and flat_prior is None
        out: list[_Field | None] = [None] * len(planes)
        order = np.argsort([each.pixels.shape[1] for each in planes], kind="stable")
        for piece in np.array_split(order, max(1, -(-len(order) // 16))):
            batch = pad([planes[i].pixels for i in piece], REACH)
            with autocast():
                features = net.features(batch)
                logits = net.logits(features)
            logits = logits.float()
            log_probs = torch.log_softmax(logits, dim=1).numpy() if flat_prior is None else logits.numpy()
            for b, i in enumerate(piece):
                rows, width = (-(-size // cell) for size, cell in zip(planes[i].pixels.shape, CELL, strict=True))
                seen = features[b, :, :rows, :width].float() if draws else None
                out[i] = _Field(log_probs[b, :, :rows, :width], seen, flat_prior)
        return [each for each in out if each is not None]

    def _survive(self, word: WordImage, pins: Pins, seen: _Look, field: _Field) -> Localization:
        return survive(lambda word, pins: self._localize(word, pins, seen, field), word, pins, self.name)

    def _localize(self, word: WordImage, pins: Pins, seen: _Look, field: _Field) -> Localization:
        order = visible_order(word.characters, pins)
        if not order:
            return finish(word, order, np.zeros((0, 4), np.float32), np.zeros(0, np.float32), 0.0, pins, self.name)
        ink = seen.ink
        laid_out = [word.characters[i] for i in order]
        fixed, extra = pinned_bounds(ink, word, order, pins)
        expected = expected_glyphs(laid_out)
        letters = np.flatnonzero(~expected.space)
        classes = self.charset.encode([laid_out[k] for k in letters], unknown=0)
        if field.flat_prior is None:
            at, sure, score = self._search(seen, field, [order[k] for k in letters], laid_out, letters, classes, pins)
        else:
            at, sure, score = _aligned_columns(
                field.log_probs, field.flat_prior, classes, _held_columns(seen, pins, [order[k] for k in letters])
            )
        points = np.full(len(order), np.nan)
        picture = seen.plane.to_picture(at)
        points[letters] = ink.upright_column(picture[:, 0], picture[:, 1])
        spans = find_spans(ink, LONGEST, len(order), extra)
        if field.features is None:
            boxes, _, lost = boxes_at(ink, spans, bounds_at(spans, filled(points, ink), fixed), expected)
            agreement = np.ones(len(order), dtype=np.float32)
        else:
            from_net = np.full((len(order), 4), np.nan, dtype=np.float32)
            from_net[letters] = seen.plane.to_picture(self._predict(field.features, at, classes))
            where = _boundaries(ink, from_net)
            from_ink, whole, lost = boxes_at(ink, spans, bounds_at(spans, filled(points, ink), fixed, where), expected)
            from_ink[lost] = np.nan
            from_net[expected.space] = 0.0
            boxes, agreement = fuse(from_ink, from_net, believed_within(whole), expected.space, ink.core)
        boxes[expected.space] = np.nan
        confidence = np.ones(len(order), dtype=np.float32)
        confidence[letters] = sure * agreement[letters]
        confidence[lost & ~expected.space] *= 0.5
        return finish(word, order, boxes, confidence, score, pins, self.name)

    def _search(
        self, seen: _Look, field: _Field, reading: Sequence[int], laid_out: Sequence[str],
        letters: NDArray[np.int64], classes: NDArray[np.int64], pins: Pins,
    ) -> tuple[Floats, Floats, float]:  # fmt: skip
        """Points (K, 2) of the letters on the plane, how probable each is there (K,), and the path's score."""
        if not len(letters):
            return np.zeros((0, 2), np.float32), np.zeros(0, np.float32), 0.0
        inked = np.argwhere(seen.ink.mask)
        (top, left), (bottom, right) = (
            (inked.min(axis=0), inked.max(axis=0) + 1) if len(inked) else ((0, 0), seen.ink.mask.shape)
        )
        pitch = max((right - left) * seen.plane.scale / len(laid_out), 1.0)
        row = float(seen.plane.to_plane(np.array([0, (top + bottom) / 2]))[1]) / CELL[0]
        positions, scores = candidates(field.log_probs, classes, row)
        at = {pin.index: pin.box for pin in pins if pin.box is not None}
        for k, i in enumerate(reading):
            if i in at:
                x0, y0, x1, y1 = seen.plane.to_plane(np.array(at[i]))
                positions[k, 0] = (x0 + x1) / 2, (y0 + y1) / 2
                scores[k, 0], scores[k, 1:] = 0.0, -np.inf
        spaced = np.diff(letters) > 1
        step, sigma = self.steps.expected([laid_out[k] for k in letters], spaced, pitch)
        chosen, score = best_path(positions, scores, step, sigma, self.beam)
        if chosen[0] < 0:
            # More characters than places beside one another: evenly, and nobody believes it.
            ends = seen.plane.to_plane(np.array([(left, 0), (right, 0)]))[:, 0]
            x = np.interp(np.arange(len(letters)) + 0.5, [0, len(letters)], ends)
            even = np.stack([x, np.full(len(x), (row + 0.5) * CELL[0])], axis=1).astype(np.float32)
            return even, np.zeros(len(letters), np.float32), FLOOR * len(letters)
        index = np.arange(len(letters))
        sure = np.where(classes > 0, np.exp(np.minimum(scores[index, chosen], 0)), 0)
        return positions[index, chosen], sure.astype(np.float32), score

    @torch.inference_mode()
    def _predict(self, features: torch.Tensor, points: Floats, classes: NDArray[np.int64]) -> Floats:
        """The box head's boxes, float32 (K, 4), plane px."""
        word = torch.zeros(len(points), dtype=torch.int64)
        edges = self._learned().boxes(features[None], word, torch.from_numpy(points), torch.from_numpy(classes)).numpy()
        return np.concatenate([points, points], axis=1) + edges * np.float32(CORE)

    # --- keeping ------------------------------------------------------------------------------------------------------

    def _kept(self) -> Mapping[str, object]:
        return {"steps": json.dumps([dict(self.steps.by_character), self.steps.gap], ensure_ascii=False)}

    def _recall(self, settings: Mapping[str, object]) -> None:
        by_character, gap = json.loads(str(settings["steps"]))
        self.steps = Steps({character: (row[0], row[1]) for character, row in by_character.items()}, gap)


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """What is seen of a word before anything is known of its characters."""

    ink: Ink
    plane: Plane


@dataclass(frozen=True, slots=True, eq=False)
class _Field:
    """What the net says of a word.

    Args:
        log_probs: float32 (C, H', W'), log-probabilities; of a net that has learned from transcripts alone, its scores.
        features: (F, H', W'), or None if it cannot tell boxes.
        flat_prior: float32 (C,), of a net that has learned from transcripts alone.
    """

    log_probs: Floats
    features: torch.Tensor | None
    flat_prior: Floats | None


def _look(word: WordImage) -> _Look:
    ink = find_ink(word.pixels, has_marks(word.characters))
    return _Look(ink, plane(ink))


def _sample(
    seen: _Look, word: WordImage, current: Localization, pins: Pins, charset: Charset, weight: float
) -> tuple[list[str], XySample]:
    """A word's letters in layout order, and what is to be learned from it."""
    boxes = current.boxes.astype(np.float32).copy()
    # Weak beliefs still count: the net finds out what most of them have in common.
    weights = 0.3 + 0.7 * np.nan_to_num(current.confidence.astype(np.float32))
    pinned = np.zeros(len(boxes), dtype=bool)
    for pin in pins:
        if pin.box is not None:
            boxes[pin.index], weights[pin.index], pinned[pin.index] = pin.box, PINNED_WEIGHT, True
    order = [i for i in visible_order(word.characters, pins) if not is_space(word.characters[i])]
    letters = [word.characters[i] for i in order]
    return letters, XySample(
        pixels=seen.plane.pixels,
        classes=charset.encode(letters),
        boxes=seen.plane.to_plane(boxes[order]),
        weights=weights[order] * np.float32(weight),
        pinned=pinned[order],
        repeat=PINNED_REPEAT if pinned.any() else 1,
    )


def _held_columns(seen: _Look, pins: Pins, reading: Sequence[int]) -> Floats:
    """Columns of cells from and to which pinned characters reach, float32 (K, 2); NaN for those that are not pinned."""
    held = np.full((len(reading), 2), np.nan, dtype=np.float32)
    at = {pin.index: pin.box for pin in pins if pin.box is not None}
    for k, i in enumerate(reading):
        if i in at:
            held[k] = seen.plane.to_plane(np.array(at[i]))[[0, 2]] / CELL[1]
    return held


def _aligned_columns(
    scores: Floats, prior: Floats, classes: NDArray[np.int64], held: Floats
) -> tuple[Floats, Floats, float]:
    """Points (K, 2) on the plane of a net that has learned from transcripts alone: its own E-step.

    Columns are aligned as in `learning_xy.train_flat`; within a column, a character is where its score is.

    Args:
        held: float32 (K, 2), see `_held_columns`.
    """
    known = np.flatnonzero(classes)
    at, sure = np.full((len(classes), 2), np.nan, dtype=np.float32), np.zeros(len(classes), dtype=np.float32)
    length = scores.shape[2]
    target = classes[known].astype(np.int32)
    if not len(known) or frames_needed(target) > length:
        return at, sure, 0.0
    log_probs = columns(torch.from_numpy(scores[None])).numpy()
    windows = windows_of(held[known], np.isfinite(held[known, 0]), length, 0.0)[None]
    size = (np.array([each], dtype=np.int32) for each in (length, len(known)))
    frames, lengths = size
    occupation, score = align(log_probs, frames, target[None], lengths, windows, prior, hard=False)
    rows = np.arange(scores.shape[1]) + 0.5
    for k, of in zip(known, occupation[0].T, strict=True):
        field = np.exp(scores[classes[k]] - scores[classes[k]].max(axis=0)) * of
        total = max(float(field.sum()), 1e-9)
        x = float((field.sum(axis=0) * (np.arange(length) + 0.5)).sum()) / total
        at[k] = x * CELL[1], float((field.sum(axis=1) * rows).sum()) / total * CELL[0]
        sure[k] = float((np.exp(log_probs[0, :, classes[k]]) * (of > 0.05)).max())
    return at, sure, float(score[0])


def _boundaries(ink: Ink, boxes: Floats) -> Floats:
    """Upright columns halfway between neighbours' boxes (L, 4), and of the outer edges, (L + 1,); NaN where unknown."""
    y = (boxes[:, 1] + boxes[:, 3]) / 2
    # A leaning letter is narrower upright than its box.
    lean = np.minimum(abs(ink.slant) * (boxes[:, 3] - boxes[:, 1]), 0.6 * (boxes[:, 2] - boxes[:, 0])) / 2
    left, right = ink.upright_column(boxes[:, 0], y) + lean, ink.upright_column(boxes[:, 2], y) - lean
    return np.concatenate([left[:1], (right[:-1] + left[1:]) / 2, right[-1:]]).astype(np.float32)
