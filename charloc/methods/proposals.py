"""EM with region proposals (the R-CNN way): boxes of ink are proposed, named and refined, and the word picks its own.

First guess: `guess`, or any other. Proposed: the ink between any two candidate cuts, whole pieces or parts alike.
Learned: which character a region is, or that it is none (a part of one, or several), and how far that character's
edges are from the region's. Re-aligned, one method each:

- `proposals`: the regions that spell the transcript in its order;
- `proposals_bag`: the word says only which characters are in it, and how often (multiple-instance learning).

Boxes are the refined region and its ink, joined edge by edge (`fusion.fuse`).

Source: regions of interest, shared features and the two heads are Fast R-CNN's (Girshick 2015); spans between cuts as
the regions, and the two searches, derived here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from charloc.boxes import certainty, finish, ink_boxes, span_boxes, survive
from charloc.descent import Schedule
from charloc.fusion import believed_within, fuse
from charloc.ink import Ink
from charloc.lattice import best_bag, best_segmentation, segmentation_posterior
from charloc.layout import (
    CUT_COST,
    OUTSIDE_COST,
    Expected,
    boundary_windows,
    expected_glyphs,
    hold,
    outside_costs,
    span_costs,
)
from charloc.learning import autocast
from charloc.learning_regions import train_regions
from charloc.methods import Checkpoint, Progress, silent
from charloc.methods._learner import NOTHING, Learner, Look, believed, chunks, each_look, look, steps_and_repeats
from charloc.methods.guess import LONGEST
from charloc.nets import REACH, STRIDE
from charloc.nets_regions import RegionNet
from charloc.normalise import View
from charloc.pinning import bag_zones, pinned_bounds, visible_order
from charloc.regions import Regions, RegionSample, believed_regions, find_regions, refined
from charloc.spans import Spans, find_spans
from charloc.text import is_space
from charloc.types import CheckpointError, Localization, PinError, Pins, TrainingSet, WordImage

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
SAMPLE_STEPS = 4.0
"""Times a round shows every word, within `LEAST_STEPS` and `MOST_STEPS` steps of a batch."""
LEAST_STEPS, MOST_STEPS = 400, 600
LEAST_LOG = -9.0
"""No region is less likely a character than this (nats): a misread letter must not move its neighbours."""


UNKNOWN = 0.5
"""Probability that the region of a character that was never seen is that character."""


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """Which region each character got.

    Args:
        bounds: int32 (M + 1,), cuts that part the ink: between them a character's region, or what nobody took.
        slot: int64 (L,), which of the M parts is each character's, in layout order; -1 none.
        confidence: float32 (L,).
        score: nats.
    """

    bounds: Ints
    slot: NDArray[np.int64]
    confidence: Floats
    score: float


class Proposals(Learner[RegionNet]):
    """The method `proposals`: regions that spell the transcript in its order. See the module's docstring.

    Args:
        checkpoint: from an earlier round, or None to start fresh.
        temper: weight of a region's log-probability in the search, against the ink that cuts cross.
        seed: of everything random in the M-step.
    """

    name = "proposals"
    honours_pins = True

    def __init__(self, checkpoint: Checkpoint | None = None, *, temper: float = 1.0, seed: int = 0) -> None:
        self.temper = temper
        super().__init__(checkpoint, seed)

    def _new_net(self, classes: int) -> RegionNet:
        return RegionNet(classes)

    # --- M-step -------------------------------------------------------------------------------------------------------

    def m_step(self, training: TrainingSet, progress: Progress = silent) -> Mapping[str, float]:
        chosen = [i for i in range(len(training.words)) if training.weights[i] > 0]
        samples: list[RegionSample] = []
        charset = self.charset.extended(training.words[i].characters for i in chosen)
        for done, (word, seen) in enumerate(each_look(training.words, chosen)):
            progress("prepare", done, len(chosen))
            i = chosen[done]
            sample, _ = believed(seen, word, training.localizations[i], training.pins[i], charset)
            sample = replace(sample, weights=sample.weights * training.weights[i])
            cuts = _pinned_cuts(seen.ink, training.pins[i])
            spans = find_spans(seen.ink, LONGEST, len(word.characters), cuts)
            samples.append(believed_regions(sample, find_regions(spans, seen.view)))
        progress("prepare", len(chosen), len(chosen))
        if not any(len(sample.boxes) for sample in samples):
            raise CheckpointError(NOTHING)
        self._grow(charset)
        assert self.net is not None
        steps, samples = steps_and_repeats(samples, SAMPLE_STEPS, LEAST_STEPS, MOST_STEPS)
        rate = 3e-3 if self.rounds == 0 else 1.5e-3
        learned = train_regions(self.net, samples, Schedule(steps, rate, self.seed + self.rounds), progress)
        self.rounds += 1
        return learned

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
                looks = list(pool.map(look, chunk))
                features = self._features([each.view for each in looks])
                jobs = zip(chunk, [pins[i] for i in some], looks, features, strict=True)
                out += pool.map(lambda job: self._survive(*job), jobs)
        progress("localize", len(words), len(words))
        return out

    @torch.inference_mode()
    def _features(self, views: Sequence[View]) -> list[torch.Tensor]:
        """Feature maps (1, F, H, W) of each view; like widths are batched together."""
        net = self._learned()
        out: list[torch.Tensor | None] = [None] * len(views)
        order = np.argsort([each.pixels.shape[1] for each in views], kind="stable")
        for piece in np.array_split(order, max(1, -(-len(order) // 16))):
            # Beyond its own width a view sees as much paper as the net sees far, whoever is beside it in the batch.
            width = max(views[i].pixels.shape[1] for i in piece) + 2 * REACH
            batch = np.zeros((len(piece), 1, views[0].pixels.shape[0], width + width % STRIDE), dtype=np.float32)
            for b, i in enumerate(piece):
                batch[b, 0, :, : views[i].pixels.shape[1]] = views[i].pixels / np.float32(255)
            with autocast():
                features = net.features(torch.from_numpy(batch))
            for b, i in enumerate(piece):
                length = -(-(views[i].pixels.shape[1] + REACH) // STRIDE)
                out[i] = features[b : b + 1, :, :, :length].float().contiguous()
        return [each for each in out if each is not None]

    def _survive(self, word: WordImage, pins: Pins, seen: Look, features: torch.Tensor) -> Localization:
        return survive(lambda word, pins: self._localize(word, pins, seen, features), word, pins, self.name)

    @torch.inference_mode()
    def _localize(self, word: WordImage, pins: Pins, seen: Look, features: torch.Tensor) -> Localization:
        order = visible_order(word.characters, pins)
        if not order:
            return finish(word, order, np.zeros((0, 4), np.float32), np.zeros(0, np.float32), 0.0, pins, self.name)
        net, ink = self._learned(), seen.ink
        characters = [word.characters[i] for i in order]
        fixed, cuts = self._held(ink, word, order, pins)
        spans = find_spans(ink, LONGEST, len(order), cuts)
        regions = find_regions(spans, seen.view)
        with autocast():
            hidden = net.regions(features, torch.from_numpy(regions.boxes)[None])
        hidden = hidden.float()
        log_probs = torch.log_softmax(net.logits(hidden), dim=1).numpy()
        choice = self._choose(word, order, pins, ink, spans, regions, log_probs, fixed)
        expected = expected_glyphs(characters)
        from_ink, whole = _ink_of(ink, spans, choice, expected)
        # Where nothing was found there is no region to refine.
        index = np.full(spans.width.shape, -1, dtype=np.int64)
        index[regions.start, regions.reach] = np.arange(len(regions.start))
        slot = np.maximum(choice.slot, 0)
        # What is between two chosen regions may be wider than any region.
        reach = np.minimum(choice.bounds[slot + 1] - choice.bounds[slot], spans.width.shape[1]) - 1
        mine = index[choice.bounds[slot], reach]
        found = (mine >= 0) & (choice.slot >= 0) & ~expected.space
        from_net = span_boxes(ink, spans.columns[choice.bounds])[slot]
        classes = torch.from_numpy(self.charset.encode(characters, unknown=0)[found])
        offsets = net.refine(hidden[torch.from_numpy(mine[found])], classes).numpy()
        from_net[found] = refined(ink, seen.view, regions.boxes[mine[found]], offsets)
        boxes, agreement = fuse(from_ink, from_net, believed_within(whole), expected.space, ink.core)
        # A region that is in its place but does not look like its character is in doubt.
        named = np.where(expected.space, 1.0, 0.0)
        known = classes.numpy() > 0
        named[found] = np.where(known, np.exp(log_probs[mine[found], classes.numpy()]), UNKNOWN)
        confidence = choice.confidence * np.where(expected.space, 1.0, agreement) * np.sqrt(named)
        return finish(word, order, boxes, confidence.astype(np.float32), choice.score, pins, self.name)

    def _held(self, ink: Ink, word: WordImage, order: Sequence[int], pins: Pins) -> tuple[Ints | None, Ints | None]:
        """Boundaries that pins hold, and cuts there must be."""
        return pinned_bounds(ink, word, order, pins)

    def _choose(
        self, word: WordImage, order: Sequence[int], pins: Pins, ink: Ink, spans: Spans, regions: Regions,
        log_probs: Floats, fixed: Ints | None,
    ) -> Choice:  # fmt: skip
        """The regions that spell the transcript in its order."""
        costs = self._costs([word.characters[i] for i in order], spans, regions, log_probs)
        starts, ends = outside_costs(spans)
        if fixed is not None:
            starts, ends = starts.copy(), ends.copy()
            hold(costs, starts, ends, boundary_windows(spans, len(order), fixed))
        bounds, cost = best_segmentation(costs, starts, ends)
        if bounds[0] < 0:
            raise ValueError(f"{word.name}: {len(order)} characters do not fit {len(spans.columns)} cuts")
        posterior, _ = segmentation_posterior(costs, starts, ends)
        return Choice(bounds, np.arange(len(order)), certainty(posterior, bounds, spans), -cost)

    def _costs(self, characters: Sequence[str], spans: Spans, regions: Regions, log_probs: Floats) -> Floats:
        """Cost of each of L characters on every span, float32 (L, N, D), nats; infinite where there is no span.

        A character that is known costs what the net says of the region, and the ink its cuts cross; one that was
        never seen, and a space, what an ordinary one would (`layout.span_costs`).
        """
        expected = expected_glyphs(characters)
        letters = float(expected.width[~expected.space].sum())
        costs = span_costs(spans, expected, float(np.clip(spans.inked / max(letters, 0.1), 0.4, 3.0)))
        classes = self.charset.encode(characters, unknown=0)
        known = np.flatnonzero(classes > 0)
        start, reach = regions.start, regions.reach
        crossed = 0.5 * CUT_COST * (spans.crossed[start] + spans.crossed[start + 1 + reach])
        evidence = np.maximum(log_probs[:, classes[known]], LEAST_LOG).T
        costs[known[:, None], start, reach] = crossed - np.float32(self.temper) * evidence
        return costs


class ProposalsBag(Proposals):
    """The method `proposals_bag`: the word says only which characters are in it, and how often.

    Where they are in the transcript is never looked at: neither which comes before which, nor where spaces are. From
    the guess, which is laid out in order, what that knew of the order is in what the first M-step learns, and nowhere
    else. From an even split nothing is: boxes that nobody believes (confidence 0) are dealt out anew, at random, among
    the characters of their word. All that is left to learn from is which characters are in which words together with
    which ink; it is enough. Several instances of one character are told apart only by where they are found: they are
    numbered along the line.

    Pinned characters are where they are pinned: their ink is nobody else's, and they are taken out of the bag.
    """

    name = "proposals_bag"

    def m_step(self, training: TrainingSet, progress: Progress = silent) -> Mapping[str, float]:
        rng = np.random.default_rng(self.seed)
        dealt = [_dealt(each, pins, rng) for each, pins in zip(training.localizations, training.pins, strict=True)]
        return super().m_step(replace(training, localizations=dealt), progress)

    def _held(self, ink: Ink, word: WordImage, order: Sequence[int], pins: Pins) -> tuple[Ints | None, Ints | None]:
        pinned_bounds(ink, word, order, ())  # more characters than columns
        return None, _pinned_cuts(ink, pins)

    def _choose(
        self, word: WordImage, order: Sequence[int], pins: Pins, ink: Ink, spans: Spans, regions: Regions,
        log_probs: Floats, fixed: Ints | None,
    ) -> Choice:  # fmt: skip
        pinned = {pin.index for pin in pins}
        places = np.array([k for k, i in enumerate(order) if i not in pinned and not is_space(word.characters[i])], int)
        bag = [word.characters[order[k]] for k in places]
        if not bag:
            everything = np.array([0, len(spans.columns) - 1], dtype=np.int32)
            return Choice(everything, np.full(len(order), -1), np.ones(len(order), np.float32), 0.0)
        kinds, first, counts = np.unique(np.array(bag, dtype=object), return_index=True, return_counts=True)
        costs = self._costs(bag, spans, regions, log_probs)[first]
        skip = OUTSIDE_COST * spans.mass[:-1, 0]
        for left, right in np.searchsorted(spans.columns, bag_zones(ink, pins)):
            forbid(costs, int(left), int(right))
            skip[left:right] = 0.0
        chosen, names, cost, _ = best_bag(costs, skip, counts)
        if not np.isfinite(cost):
            raise PinError(f"{word.name}: between what is pinned there is no room for the rest. Move one of the boxes.")
        starts, ends = chosen[:, 0], chosen[:, 0] + 1 + chosen[:, 1]
        bounds = np.unique(np.concatenate([[0], starts, ends, [len(spans.columns) - 1]])).astype(np.int32)
        slot = np.full(len(order), -1, dtype=np.int64)
        for kind in range(len(kinds)):
            theirs = places[[character == kinds[kind] for character in bag]]
            slot[theirs] = np.searchsorted(bounds, starts[names == kind])
        return Choice(bounds, slot, np.ones(len(order), np.float32), -cost)


def _dealt(current: Localization, pins: Pins, rng: np.random.Generator) -> Localization:
    """A localization nobody believes, its boxes dealt out at random among the characters that have one; else as it is.

    What is pinned is left where it is.
    """
    pinned = [pin.index for pin in pins]
    free = np.setdiff1d(np.flatnonzero(np.isfinite(current.boxes[:, 0])), pinned)
    if np.delete(current.confidence, pinned).any():
        return current
    boxes = current.boxes.copy()
    boxes[free] = boxes[rng.permutation(free)]
    return replace(current, boxes=boxes)


def _pinned_cuts(ink: Ink, pins: Pins) -> Ints | None:
    """Cuts that part what people pinned from the rest, so that there is a region which is just that."""
    zones = bag_zones(ink, pins)
    return np.unique(zones).astype(np.int32) if len(zones) else None


def forbid(costs: Floats, left: int, right: int) -> None:
    """Forbid, in place, every span (..., N, D) that has anything between two cuts."""
    cuts, reach = costs.shape[-2:]
    start = np.arange(cuts)[:, None]
    costs[..., (start < right) & (start + 1 + np.arange(reach) > left)] = np.inf


def _ink_of(ink: Ink, spans: Spans, choice: Choice, expected: Expected) -> tuple[Floats, NDArray[np.bool_]]:
    """`boxes.ink_boxes` of L characters, each in its own part of the ink; what nobody took belongs to none."""
    owner = np.full(len(choice.bounds) - 1, -1, dtype=np.int64)
    placed = np.flatnonzero(choice.slot >= 0)
    owner[choice.slot[placed]] = placed
    parts = replace(expected, pieces=expected.pieces[owner], space=expected.space[owner] | (owner < 0))
    boxes, whole = ink_boxes(ink, spans, choice.bounds, parts)
    slot = np.maximum(choice.slot, 0)
    nowhere = expected.space | (choice.slot < 0)
    return np.where(nowhere[:, None], np.nan, boxes[slot]).astype(np.float32), whole[slot]
