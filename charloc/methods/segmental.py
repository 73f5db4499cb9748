"""EM with a segmental lattice: a frame-wise net and a box head learn; a semi-Markov search over ink cuts re-aligns.

First guess: `guess`. Learned: which character each frame of the upright, level view belongs to; where a known
character's edges are; how wide and tall each character is. Re-aligned: by the first guess's own search, with the net's
log-probabilities added. Neighbouring frames are not independent, so those are tempered (speech recognition's acoustic
scale): at full weight they overrule good ink and easy data gets worse round by round.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from charloc.boxes import finish, ink_boxes, lost_tops, survive, without_ink
from charloc.calibration import Calibration
from charloc.descent import Schedule
from charloc.evidence import cumulate, net_boxes
from charloc.fusion import believed_within, fuse
from charloc.glances import HELD, MORE_SIZES, apart, led, misplaced, settle
from charloc.glyphs import has_marks
from charloc.layout import solve
from charloc.learning import Sample, blend, train
from charloc.measures import Measures, measure
from charloc.methods import Checkpoint, Progress, silent
from charloc.methods._held import farthest_joined, shape_under
from charloc.methods._learner import NOTHING, Learner, Look, believed, believed_boxes, chunks, steps_and_repeats
from charloc.methods._lessons import each_laid, found_at
from charloc.methods._looks import Eye, Free, Laid, Looks, Placed, Seen, ToldLooks, each_doubt, place
from charloc.methods.guess import LONGEST
from charloc.nets import STRIDE, SegmentalNet
from charloc.pinning import pinned_bounds, pinned_boxes, visible_order
from charloc.spans import Spans, find_spans
from charloc.text import Charset
from charloc.told import holds_line, told
from charloc.types import CheckpointError, Localization, PinError, Pins, TrainingSet, TranscriptError, WordImage

Floats = NDArray[np.float32]
SAMPLE_STEPS = 4.0
"""Times a round shows every word, within `LEAST_STEPS` and `MOST_STEPS` steps of a batch."""
LEAST_STEPS, MOST_STEPS = 400, 700
STAYED_PX = 0.01
"""A box that pins did not move is where it was, but for rounding."""
FIRST_RATE, LATER_RATE, WARM_RATE = 3e-3, 1.5e-3, 4e-4
"""Peak learning rates: of a net that knows nothing, of one that has learned these words before, and of one that knows
letters from rendered words: those were true, and what it now learns from are beliefs."""
KEPT = 0.5
"""How much of its weights the last of these keeps in a round of beliefs, for the same reason."""


class Segmental(Learner[SegmentalNet]):
    """The method `segmental`. See the module's docstring.

    Args:
        checkpoint: from an earlier round, or None to start fresh.
        temper: weight of a frame's log-probability in the search.
        seed: of everything random in the M-step.
    """

    name = "segmental"
    honours_pins = True
    newer = ("whole.", "shapes.", "around.")

    def __init__(self, checkpoint: Checkpoint | None = None, *, temper: float = 0.2, seed: int = 0) -> None:
        self.temper = temper
        self.measures = Measures({})
        self.calibration: Calibration | None = None
        self.warm = False
        self.knows_spans = False
        self.taught = 0
        super().__init__(checkpoint, seed)

    # --- M-step -------------------------------------------------------------------------------------------------------

    def m_step(
        self, training: TrainingSet, progress: Progress = silent, steps: int | None = None
    ) -> Mapping[str, float]:
        """Learn from `training`, in so many steps of a batch; None: as many as so many words ask for."""
        charset = self._charset_of(training)
        samples, measures = self._samples(training, charset, progress)
        if steps is None:
            steps, samples = steps_and_repeats(samples, SAMPLE_STEPS, LEAST_STEPS, MOST_STEPS)
        usual = WARM_RATE if self.warm else FIRST_RATE if self.rounds == 0 else LATER_RATE
        return self.learn(samples, measures, charset, Schedule(steps, usual, self.seed + self.rounds), progress)

    def learn(
        self, samples: Sequence[Sample], measures: Measures, charset: Charset, schedule: Schedule,
        progress: Progress = silent, kept: float = KEPT,
    ) -> Mapping[str, float]:  # fmt: skip
        """Learn from what is known of words.

        Args:
            samples: with classes of `charset`, which holds what was known before, and more if there is more.
            measures: how wide and tall characters then are.
            kept: how much of its weights a net keeps that knows letters from rendered words.
        """
        before = {} if self.net is None else {name: each.clone() for name, each in self.net.state_dict().items()}
        self._grow(charset)
        assert self.net is not None
        self.measures = measures
        learned = train(self.net, samples, schedule, progress)
        if self.warm:
            blend(self.net, before, kept)
        self.rounds += 1
        return learned

    def _charset_of(self, training: TrainingSet) -> Charset:
        some = zip(training.words, training.weights, strict=True)
        return self.charset.extended(word.characters for word, weight in some if weight > 0)

    def _samples(
        self, training: TrainingSet, charset: Charset, progress: Progress
    ) -> tuple[list[Sample], Measures]:
        """What is believed of all words that count, as the search finds it, lest a net forget where boxes end; and how
        wide and tall characters then are."""
        chosen = [i for i in range(len(training.words)) if training.weights[i] > 0]
        lay = self._lay if self.taught else None
        samples: list[Sample] = []
        placed: list[Floats] = []
        own = self._own_ink()
        for i, seen, laid in each_laid(training, chosen, partial(progress, "prepare"), own, self._see, lay):
            current, pins = training.localizations[i], training.pins[i]
            sample, edges = believed(seen, training.words[i], current, pins, charset)
            if laid is not None:
                sample = found_at(sample, seen, laid, believed_boxes(current, pins), HELD)
            samples.append(replace(sample, weights=sample.weights * training.weights[i]))
            placed.append(edges)
        if not any(len(sample.classes) for sample in samples):
            raise CheckpointError(NOTHING)
        characters = [training.words[i].characters for i in chosen]
        return samples, measure(characters, placed, [sample.weights for sample in samples])

    # --- E-step -------------------------------------------------------------------------------------------------------

    def e_step(
        self, words: Sequence[WordImage], pins: Sequence[Pins], progress: Progress = silent
    ) -> list[Localization]:
        eye = self._eye()
        out: list[Localization] = []
        with ThreadPoolExecutor(2) as pool:
            for some in chunks(words, range(len(words))):
                progress("localize", len(out), len(words))
                chunk = [words[i] for i in some]
                jobs = zip(chunk, [pins[i] for i in some], eye.looks(chunk, pool.map), strict=True)
                out += pool.map(lambda job: survive(partial(self._localize, job[2]), job[0], job[1], self.name), jobs)
        progress("localize", len(words), len(words))
        return out

    def frames(self, words: Sequence[WordImage]) -> list[tuple[Look, Floats]]:
        """What is seen of words, and log-probabilities (C, T) of their frames: whatever their transcripts say.

        Raises:
            CheckpointError: nothing has been learned yet.
        """
        eye = self._eye()
        return [(seen.look, seen.log_probs) for seen in eye.see([eye.look(word) for word in words])]

    def _eye(self) -> Eye:
        return Eye(self._learned(), self.knows_spans, self._own_ink())

    def _see(self, looks: Sequence[Look]) -> list[Seen]:
        return self._eye().see(looks)

    def _localize(self, looks: Looks, word: WordImage, pins: Pins) -> Localization:
        order = visible_order(word.characters, pins)
        if not order:
            return finish(word, order, np.zeros((0, 4), np.float32), np.zeros(0, np.float32), 0.0, pins, self.name)
        placed = self._settle(word, pins, looks)
        return finish(word, order, placed.boxes, placed.confidence(self.calibration), placed.score, pins, self.name)

    def _settle(self, word: WordImage, pins: Pins, looks: Looks) -> Placed:
        """Where all looks together have the characters.

        Under pins only the picture as it is is searched: what stays where it was without them stays where all looks
        have it, and what moves goes where that search puts it. So a drag costs one search, however many looks there
        are; but where all looks have a pinned character wrong, those that have it right are asked, once for a word.
        """
        try:
            free = self._free(word, looks)
        except TranscriptError:
            if not pins:
                raise
            placed = self._place(word, pins, looks.own)  # those that are not visible may make room
            return placed.settled(placed.boxes, each_doubt(placed.boxes, placed.boxes, (), ()))
        placed = self._place(word, pins, looks.own) if pins else free.own
        at = {reading: place for place, reading in enumerate(free.own.order)}
        rows = [at[reading] for reading in placed.order]
        own = free.own.boxes[rows]
        others, more = ([boxes[rows] for boxes in some] for some in (free.others or (), free.more))
        moved = (np.abs(np.nan_to_num(placed.boxes) - np.nan_to_num(own)) > STAYED_PX).any(axis=1)
        if free.known is None:
            settled, sure = settle(own, [*others, *more], looks.own.look.ink.core), placed.known.copy()
        else:
            settled, sure = free.known.boxes[placed.order], free.known.confidence[placed.order]
            moved |= np.isnan(settled[:, 0]) & ~placed.expected.space
        doubt = each_doubt(settled, own, others, more)
        doubted = np.full_like(doubt, np.nan)  # of what a search under pins moves nothing is known
        boxes, pinned, inks = placed.boxes, pinned_boxes(placed.order, pins), [looks.own.look.ink]
        if misplaced(settled, pinned).any():
            asked = self._as_told(word, pins, looks, placed)
            if asked is None:
                further, core = self._free(word, looks, every=True).further, looks.own.look.ink.core
            else:
                placed, further, core = asked
                inks += [looks.told.own.look.ink] if looks.told is not None else []
                moved |= ~placed.expected.space
            further = [each[rows] for each in further]
            boxes = led(placed.boxes, settled, further, pinned, core)
            moved |= (boxes != placed.boxes).any(axis=1) & ~placed.expected.space
            if asked is not None:
                doubted = each_doubt(boxes, placed.boxes, further, ())
        settled[moved], doubt[moved], sure[moved] = boxes[moved], doubted[moved], np.nan
        # A character without ink was put somewhere only because it had to be, wherever all looks agree to put it.
        sure[np.all([without_ink(each, settled) for each in inks], axis=0)] = 0.0
        return replace(placed, known=sure).settled(settled, doubt)

    def _as_told(
        self, word: WordImage, pins: Pins, looks: Looks, placed: Placed
    ) -> tuple[Placed, list[Floats], float] | None:
        """The same under what pins tell of the core band, the further looks' boxes, and the core height; None where
        that explains the word no better than `placed` does."""
        says = told(looks.own.look.ink, pinned_boxes(placed.order, pins), placed.expected)
        if says is None:
            return None
        seen = looks.told
        if seen is None or seen.band != says.band:
            seen = looks.told = ToldLooks(says.band, self._eye().glance(word, says.band))
        try:
            anew = self._place(word, pins, seen.own)
        except (PinError, TranscriptError, ValueError):  # no room, or too little, for letters of that size and slant
            return None
        if anew.score + says.nats <= placed.score or not holds_line(seen.own.look.ink, anew.expected):
            return None
        if seen.others is None:
            (seen.others,) = self._eye().further([word], band=says.band)
        return anew, self._laid(word, seen.others), says.band.core

    def _free(self, word: WordImage, looks: Looks, every: bool = False) -> Free:
        """Where looks have the characters without pins; found once for a transcript.

        Args:
            every: ask the further looks even if it is known where all have them.
        """
        if looks.free is None or looks.free.characters != word.characters:
            known = looks.known[1] if looks.known is not None and looks.known[0] == word.characters else None
            looks.free = Free(word.characters, self._place(word, (), looks.own), None, [], known)
        free = looks.free
        if free.others is None and (every or free.known is None):
            if looks.others is None:
                (looks.others,) = self._eye().further([word])
            others, more = self._laid(word, looks.others), []
            if apart(free.own.boxes, others, looks.own.look.ink.core):
                if looks.more is None:
                    (looks.more,) = self._eye().further([word], sizes=MORE_SIZES)
                more = self._laid(word, looks.more)
            free = looks.free = replace(free, others=others, more=more)
        return free

    def _laid(self, word: WordImage, others: Iterable[tuple[Seen, Floats]]) -> list[Floats]:
        """The boxes that each of the further looks gives, in the picture's own pixels."""
        found = []
        for seen, factors in others:
            with suppress(TranscriptError, ValueError):  # too small for so many characters
                found.append(self._lay(word, (), seen).boxes / factors)
        return found

    def _lay(self, word: WordImage, pins: Pins, seen: Seen) -> Laid:
        order = visible_order(word.characters, pins)
        ink = seen.look.ink
        classes = self.charset.encode([word.characters[i] for i in order], unknown=0)
        # What rounds learn of the words at hand has higher numbers than what was taught.
        taught = (classes > 0) & (classes <= self.taught)
        fixed, extra = pinned_bounds(ink, word, order, pins)
        joins = farthest_joined(extra, fixed, pins, order, taught, ink.core)
        lay_out = partial(self._lay_out, word, pins, seen, order, classes, taught, fixed)
        try:
            return lay_out(find_spans(ink, LONGEST, len(order), extra, joins))
        except ValueError:
            if joins is None:
                raise
            return lay_out(find_spans(ink, LONGEST, len(order), extra))  # the others are too few for what is left

    def _lay_out(
        self, word: WordImage, pins: Pins, seen: Seen, order: list[int], classes: NDArray[np.int64],
        taught: NDArray[np.bool_], fixed: NDArray[np.int32] | None, spans: Spans,
    ) -> Laid:  # fmt: skip
        laid_out = [word.characters[i] for i in order]
        ink, seen_view = seen.look.ink, seen.look.view
        expected = self.measures.expected(laid_out)
        said = cumulate(seen.log_probs, classes, seen_view.frames(spans.columns, STRIDE), self.temper)
        if seen.wholes is not None:
            wholes, which = seen.wholes.log_probs(spans, classes)
            said = replace(said, whole=wholes, which=which)
        net = self._learned()
        shape = shape_under(pins, order, fixed, spans, expected, classes, taught, net, seen)
        solution = solve(spans, expected, evidence=said, shape=shape)
        from_ink, whole = ink_boxes(ink, spans, solution.bounds, expected)
        starts, ends = solution.bounds[:-1], solution.bounds[1:]
        from_net = net_boxes(net, ink, seen_view, spans, starts, ends, classes, seen.features)
        whole[:, 1] &= ~lost_tops(ink, from_ink, from_net, expected)
        within = believed_within(whole, taught)
        boxes, agreement = fuse(from_ink, from_net, within, expected.space, ink.core)
        apart = np.abs(from_ink - from_net) / np.float32(ink.core)
        return Laid(order, classes, spans, expected, said, shape, solution, boxes, agreement, apart)

    def _place(self, word: WordImage, pins: Pins, seen: Seen) -> Placed:
        return place(self._lay(word, pins, seen), seen)

    # --- one word again and again (charloc.realign) -------------------------------------------------------------------

    def kind(self, word: WordImage) -> bool:
        return has_marks(word.characters)

    def prepare(self, word: WordImage, known: Localization | None = None) -> Looks:
        if known is None:
            (looks,) = self._eye().looks([word])
        else:
            looks = Looks(self._eye().glance(word), None, known=(word.characters, known))
        if word.characters:
            with suppress(TranscriptError, ValueError):  # `solve` tells
                self._free(word, looks)
        return looks

    def solve(self, word: WordImage, prepared: Looks, pins: Pins) -> Localization:
        return self._localize(prepared, word, pins)

    # --- keeping ------------------------------------------------------------------------------------------------------

    def _new_net(self, classes: int) -> SegmentalNet:
        return SegmentalNet(classes)

    def _kept(self) -> Mapping[str, object]:
        measures = json.dumps(dict(self.measures.by_character), ensure_ascii=False)
        kept = {"measures": measures, "warm": self.warm, "knows_spans": self.knows_spans, "taught": self.taught}
        return kept if self.calibration is None else {**kept, "calibration": self.calibration.to_json()}

    def _recall(self, settings: Mapping[str, object]) -> None:
        known = json.loads(str(settings["measures"]))
        self.measures = Measures({character: tuple(row) for character, row in known.items()})
        self.warm = bool(settings.get("warm", False))
        self.knows_spans = bool(settings.get("knows_spans", False))
        self.taught = int(str(settings.get("taught", 0)))
        if "calibration" in settings:
            self.calibration = Calibration.from_json(str(settings["calibration"]))
