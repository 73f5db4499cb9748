"""CTC as EM: a scanning LSTM, aligned with the transcript frame by frame, learns from its own alignment.

First guess: where the first guess put the characters, for the first third of the first M-step; or nothing (flat start).
Learned: which character each frame shows (`scanning.train`). Re-aligned: Viterbi or forward-backward over the frames.

CTC says where it recognises a character, not where the character is: it may do so at its first stroke or its last, for
each class at another place. Two things take that out. Class priors keep the alignment from shrinking to spikes; and
what is left of each class's offset from the middle of its ink is measured after every M-step and taken off.

Boxes are the ink between the thinnest places left and right of each point (`points`): nobody's usual width is asked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from charloc.boxes import finish, survive
from charloc.lattice import frames_needed
from charloc.layout import Expected, expected_glyphs
from charloc.learning import autocast, one_thread
from charloc.methods import Checkpoint, Progress, silent
from charloc.methods._learner import (
    NOTHING,
    Learner,
    Look,
    believed,
    chunks,
    each_look,
    look,
    nothing_believed,
    steps_and_repeats,
)
from charloc.methods.guess import LONGEST
from charloc.nets import REACH, STRIDE
from charloc.nets_scan import ScanNet
from charloc.normalise import HEIGHT
from charloc.pinning import pinned_bounds, visible_order
from charloc.points import bounds_at, boxes_at, filled
from charloc.scanning import Lesson, align, learnable, train, windows_of
from charloc.spans import Spans, find_spans
from charloc.text import Charset, is_space
from charloc.types import CharlocError, CheckpointError, Localization, Pins, TrainingSet, TranscriptError, WordImage

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
TIMES = 10.0
"""How often a round shows every word, within `LEAST` and `MOST` steps of a batch."""
LEAST, MOST = 600, 1200
FLAT_MOST = 1800
"""Without a guess there is more to find out."""
BIAS_WORDS = 600
"""Words on which the classes' offsets are measured."""
BIAS_PRIOR = 4.0
"""An offset of 0 counts as this many observations."""


@dataclass(frozen=True, slots=True, eq=False)
class Aligned:
    """A word's characters on its frames.

    Args:
        letters: int64 (K,), layout positions of the characters that were aligned: all but spaces.
        classes: int64 (K,), their classes; 0 where the net does not know the character.
        occupation: float32 (T, K), probability that a frame is the character's.
        log_probs: float32 (T, C).
        score: log-likelihood, nats.
        pins: the facts it was aligned under.
    """

    letters: NDArray[np.int64]
    classes: NDArray[np.int64]
    occupation: Floats
    log_probs: Floats
    score: float
    pins: Pins


class Ctc(Learner[ScanNet]):
    """The method `ctc`. See the module's docstring.

    Args:
        checkpoint: from an earlier round, or None to start fresh.
        alignment: "soft" (forward-backward) or "hard" (Viterbi).
        loss: "cross_entropy" or "mse", against the alignment as if it were the truth.
        prior: how much of the classes' log shares is taken off when aligning, 0 to 1; 0 is plain CTC.
        seed: of everything random in the M-step.

    What is left out of the first three is as the checkpoint was learned: soft, cross_entropy and 0.3 at first.
    """

    name = "ctc"
    honours_pins = True

    def __init__(
        self,
        checkpoint: Checkpoint | None = None,
        *,
        alignment: str | None = None,
        loss: str | None = None,
        prior: float | None = None,
        seed: int = 0,
    ) -> None:
        if alignment not in (None, "soft", "hard"):
            raise CharlocError(f"alignment is '{alignment}'; it can be soft or hard.")
        if loss not in (None, "cross_entropy", "mse"):
            raise CharlocError(f"loss is '{loss}'; it can be cross_entropy or mse.")
        if prior is not None and not (isinstance(prior, int | float) and 0 <= prior <= 1):
            raise CharlocError(f"prior is '{prior}'; it can be a number from 0 to 1, such as 0.3.")
        self.alignment, self.loss, self.prior = "soft", "cross_entropy", 0.3
        self.bias: dict[str, float] = {}
        self.log_prior = np.zeros(0, dtype=np.float32)
        super().__init__(checkpoint, seed)
        self.alignment, self.loss = alignment or self.alignment, loss or self.loss
        self.prior = self.prior if prior is None else float(prior)

    @property
    def hard(self) -> bool:
        return self.alignment == "hard"

    def _new_net(self, classes: int) -> ScanNet:
        return ScanNet(classes)

    # --- M-step -------------------------------------------------------------------------------------------------------

    def m_step(self, training: TrainingSet, progress: Progress = silent) -> Mapping[str, float]:
        chosen = [i for i in range(len(training.words)) if training.weights[i] > 0]
        charset = self.charset.extended(training.words[i].characters for i in chosen)
        flat = nothing_believed(training, chosen)
        lessons: list[Lesson] = []
        for done, (word, seen) in enumerate(each_look(training.words, chosen)):
            progress("prepare", done, len(chosen))
            i = chosen[done]
            lesson = _lesson(seen, word, training.localizations[i], training.pins[i], charset, not flat)
            if learnable(lesson):
                lessons.append(
                    replace(lesson, sample=replace(lesson.sample, weights=lesson.sample.weights * training.weights[i]))
                )
        progress("prepare", len(chosen), len(chosen))
        if not lessons:
            raise CheckpointError(NOTHING)
        known = len(self.log_prior)
        self._grow(charset)
        net = self.net
        assert net is not None
        if known != len(charset):
            shares = np.full(len(charset), 1.0 / len(charset))
            shares[:known] = np.exp(self.log_prior)
            self.log_prior = np.log(shares).astype(np.float32)
        most = MOST if not flat or self.rounds else FLAT_MOST
        steps, samples = steps_and_repeats([each.sample for each in lessons], TIMES, LEAST, most)
        if self.rounds:
            steps = max(steps // 3, 20)
            lessons = [replace(each, guided=False) for each in lessons]
        lessons = [replace(each, sample=sample) for each, sample in zip(lessons, samples, strict=True)]
        learned, self.log_prior = train(
            net, lessons, steps, 3e-3 if self.rounds == 0 else 1.5e-3, self.seed + self.rounds, self.log_prior,
            prior_scale=self.prior, hard=self.hard, squared=self.loss == "mse", progress=progress,
        )  # fmt: skip
        self.rounds += 1
        self._measure_bias(training, chosen, progress)
        return learned

    def _measure_bias(self, training: TrainingSet, chosen: Sequence[int], progress: Progress) -> None:
        """Per class, how far right of the alignment's point the middle of the ink is, in core heights."""
        self.bias = {}
        found: dict[str, list[float]] = {}
        some = [chosen[j] for j in range(0, len(chosen), -(-len(chosen) // BIAS_WORDS))]
        done = 0
        for piece in chunks(training.words, some):
            progress("measure", done, len(some))
            done += len(piece)
            words, looks = zip(*each_look(training.words, piece), strict=True)
            pins = [training.pins[i] for i in piece]
            for word, facts, seen, aligned in zip(words, pins, looks, self.align(words, pins, looks), strict=True):
                order = visible_order(word.characters, facts)
                if aligned is None or not len(aligned.letters) or len(order) > seen.ink.upright.shape[1]:
                    continue
                points = self._points(seen, aligned, [word.characters[i] for i in order])
                expected = expected_glyphs([word.characters[i] for i in order])
                spans = find_spans(seen.ink, LONGEST, len(order))
                boxes, whole, lost = boxes_at(seen.ink, spans, bounds_at(spans, points), expected)
                middle = seen.ink.upright_column((boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2)
                for k in aligned.letters:
                    if not lost[k] and whole[k, 0] and whole[k, 2]:
                        off = float(middle[k] - points[k]) / seen.ink.core
                        found.setdefault(word.characters[order[k]], []).append(off)
        progress("measure", len(some), len(some))
        self.bias = {
            character: float(np.median(offs)) * len(offs) / (len(offs) + BIAS_PRIOR)
            for character, offs in found.items()
        }

    # --- E-step -------------------------------------------------------------------------------------------------------

    def e_step(
        self, words: Sequence[WordImage], pins: Sequence[Pins], progress: Progress = silent
    ) -> list[Localization]:
        self._learned()
        out: list[Localization] = []
        with ThreadPoolExecutor(2) as pool:
            for some in chunks(words, range(len(words))):
                progress("localize", some[0], len(words))
                chunk = [words[i] for i in some]
                facts = [pins[i] for i in some]
                looks = list(pool.map(look, chunk))
                jobs = zip(chunk, facts, looks, self.align(chunk, facts, looks), strict=True)
                out += pool.map(lambda job: self._survive(*job), jobs)
        progress("localize", len(words), len(words))
        return out

    @one_thread()
    @torch.inference_mode()
    def align(self, words: Sequence[WordImage], pins: Sequence[Pins], looks: Sequence[Look]) -> list[Aligned | None]:
        """The characters of N words on their frames; None where there are fewer frames than characters."""
        net = self._learned()
        out: list[Aligned | None] = [None] * len(words)
        by_width = np.argsort([each.view.pixels.shape[1] for each in looks], kind="stable")
        for piece in np.array_split(by_width, max(1, -(-len(by_width) // 16))):
            views, frames = batch_views([looks[i] for i in piece])
            with autocast():
                scores = net(views, frames)
            log_probs = torch.log_softmax(scores.float(), dim=2).numpy()
            self._align_batch(piece, words, pins, looks, log_probs, out)
        return out

    def _align_batch(
        self, piece: NDArray[np.int64], words: Sequence[WordImage], pins: Sequence[Pins], looks: Sequence[Look],
        log_probs: Floats, out: list[Aligned | None],
    ) -> None:  # fmt: skip
        rows: list[tuple[int, NDArray[np.int64], NDArray[np.int64], NDArray[np.int32], int]] = []
        for b, i in enumerate(piece):
            order = visible_order(words[i].characters, pins[i])
            laid_out = [words[i].characters[each] for each in order]
            letters = np.array([k for k, each in enumerate(laid_out) if not is_space(each)], dtype=np.int64)
            classes = self.charset.encode([laid_out[k] for k in letters], unknown=0)
            length = -(-looks[i].view.pixels.shape[1] // STRIDE)
            # An unknown character has no class to be aligned by: it goes between its neighbours, see `_points`.
            known = np.flatnonzero(classes > 0)
            if frames_needed(classes[known]) <= length:
                held = _pinned_windows(looks[i], pins[i], [order[letters[k]] for k in known], length)
                rows.append((b, letters, classes, held, length))
        if not rows:
            return
        most = max((np.count_nonzero(classes) for _, _, classes, _, _ in rows), default=0)
        targets = np.ones((len(rows), max(most, 1)), dtype=np.int32)
        windows = np.zeros((len(rows), max(most, 1), 2), dtype=np.int32)
        lengths = np.zeros(len(rows), dtype=np.int32)
        for row, (_, _, classes, held, _) in enumerate(rows):
            lengths[row] = np.count_nonzero(classes)
            targets[row, : lengths[row]] = classes[classes > 0]
            windows[row, : lengths[row]] = held
        frames = np.array([length for *_, length in rows], dtype=np.int32)
        taken = np.ascontiguousarray(log_probs[[b for b, *_ in rows]])
        prior = np.float32(self.prior) * self.log_prior
        occupation, score = align(taken, frames, targets, lengths, windows, prior, self.hard)
        for row, (b, letters, classes, _, length) in enumerate(rows):
            mine = np.zeros((length, len(letters)), dtype=np.float32)
            mine[:, classes > 0] = occupation[row, :length, : lengths[row]]
            i = piece[b]
            out[i] = Aligned(letters, classes, mine, taken[row, :length], float(score[row]), pins[i])

    def _points(self, seen: Look, aligned: Aligned, laid_out: Sequence[str]) -> Floats:
        """Upright columns of all characters of the layout, spaces and unknown ones between their neighbours."""
        frames = np.arange(len(aligned.occupation)) + 0.5
        mass = aligned.occupation.sum(axis=0)
        at = (aligned.occupation * frames[:, None]).sum(axis=0) / np.maximum(mass, 1e-6)
        points = np.full(len(laid_out), np.nan)
        bias = np.array([self.bias.get(laid_out[k], 0.0) for k in aligned.letters])
        columns = at * STRIDE / seen.view.scale + seen.view.origin + bias * seen.ink.core
        points[aligned.letters] = np.where(mass > 1e-6, columns, np.nan)
        return filled(points, seen.ink)

    def _survive(self, word: WordImage, pins: Pins, seen: Look, aligned: Aligned | None) -> Localization:
        return survive(lambda word, pins: self._localize(word, pins, seen, aligned), word, pins, self.name)

    def _localize(self, word: WordImage, pins: Pins, seen: Look, aligned: Aligned | None) -> Localization:
        order = visible_order(word.characters, pins)
        if not order:
            return finish(word, order, np.zeros((0, 4), np.float32), np.zeros(0, np.float32), 0.0, pins, self.name)
        laid_out = [word.characters[i] for i in order]
        if aligned is None:
            raise TranscriptError(
                f"{word.name}: '{word.text}' has more characters than the picture has room for ({len(order)}). Correct "
                "the transcript, or take the word out."
            )
        if aligned.pins != pins:
            # `survive` tries without pins that contradict each other.
            (aligned,) = self.align([word], [pins], [seen])
            assert aligned is not None
        fixed, extra = pinned_bounds(seen.ink, word, order, pins)
        expected = expected_glyphs(laid_out)
        spans = find_spans(seen.ink, LONGEST, len(order), extra)
        points = self._points(seen, aligned, laid_out)
        boxes, lost = self._boxes(seen, aligned, spans, points, fixed, expected)
        boxes[expected.space] = np.nan
        confidence = self._confidence(seen, aligned, expected)
        confidence[lost & ~expected.space] = 0.0
        return finish(word, order, boxes, confidence, aligned.score, pins, self.name)

    def _boxes(
        self, seen: Look, aligned: Aligned, spans: Spans, points: Floats, fixed: Ints | None, expected: Expected
    ) -> tuple[Floats, NDArray[np.bool_]]:
        """Boxes of the layout's L characters, (L, 4) px, and which of them have no ink."""
        boxes, _, lost = boxes_at(seen.ink, spans, bounds_at(spans, points, fixed), expected)
        return boxes, lost

    def _confidence(self, seen: Look, aligned: Aligned, expected: Expected) -> Floats:
        """How much of each character's occupation is near its point, times how well the best of its frames fits."""
        frames = np.arange(len(aligned.occupation)) + 0.5
        mass = np.maximum(aligned.occupation.sum(axis=0), 1e-6)
        at = (aligned.occupation * frames[:, None]).sum(axis=0) / mass
        near = np.abs(frames[:, None] - at) <= 0.5 * seen.ink.core * seen.view.scale / STRIDE
        gathered = (aligned.occupation * near).sum(axis=0) / mass
        fits = np.exp(aligned.log_probs[:, aligned.classes]) * (aligned.occupation > 0.05)
        confidence = np.ones(len(expected.width), dtype=np.float32)
        confidence[aligned.letters] = np.where(aligned.classes > 0, gathered * fits.max(axis=0), 0.0)
        return confidence

    # --- keeping ------------------------------------------------------------------------------------------------------

    def _kept(self) -> Mapping[str, object]:
        return {
            "alignment": self.alignment,
            "loss": self.loss,
            "prior": self.prior,
            "bias": json.dumps(self.bias, ensure_ascii=False),
            "log_prior": self.log_prior.tolist(),
        }

    def _recall(self, settings: Mapping[str, object]) -> None:
        self.alignment = str(settings.get("alignment", self.alignment))
        self.loss = str(settings.get("loss", self.loss))
        self.prior = float(str(settings.get("prior", self.prior)))
        self.bias = {str(c): float(v) for c, v in json.loads(str(settings["bias"])).items()}
        self.log_prior = np.array(settings["log_prior"], dtype=np.float32)


def batch_views(looks: Sequence[Look]) -> tuple[torch.Tensor, torch.Tensor]:
    """Views of N words padded with paper, float32 (N, 1, HEIGHT, W), and their own frames, int64 (N,)."""
    width = max(each.view.pixels.shape[1] for each in looks) + REACH
    batch = np.zeros((len(looks), 1, HEIGHT, width + width % STRIDE), dtype=np.float32)
    for b, each in enumerate(looks):
        batch[b, 0, :, : each.view.pixels.shape[1]] = each.view.pixels / np.float32(255)
    frames = torch.tensor([-(-each.view.pixels.shape[1] // STRIDE) for each in looks])
    return torch.from_numpy(batch).contiguous(memory_format=torch.channels_last), frames


def _pinned_windows(seen: Look, pins: Pins, order: Sequence[int], length: int) -> NDArray[np.int32]:
    """Frames in which the characters (reading positions `order`) may be emitted: pinned ones within their boxes."""
    at = {pin.index: pin.box for pin in pins if pin.box is not None}
    spans = np.full((len(order), 2), np.nan, dtype=np.float32)
    for k, i in enumerate(order):
        if i in at:
            x0, y0, x1, y1 = at[i]
            y = np.float32((y0 + y1) / 2)
            columns = seen.ink.upright_column(np.array([x0, x1], dtype=np.float32), y)
            spans[k] = seen.view.frames(columns, STRIDE)
    return windows_of(spans, np.isfinite(spans[:, 0]), length, 0.5)


def _lesson(seen: Look, word: WordImage, current: Localization, pins: Pins, charset: Charset, guided: bool) -> Lesson:
    sample, _ = believed(seen, word, current, pins, charset)
    pinned = np.zeros(len(word.characters), dtype=bool)
    for pin in pins:
        pinned[pin.index] = pin.box is not None
    order = [i for i in visible_order(word.characters, pins) if sample.classes[i] > 0]
    return Lesson(sample, np.array(order, dtype=np.int64), pinned, guided)
