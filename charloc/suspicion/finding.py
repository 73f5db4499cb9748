"""Everything that speaks against a word's transcript or picture, joined into one score."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from charloc.methods import Checkpoint, Progress, silent
from charloc.methods.segmental import Segmental
from charloc.suspicion import Reason, Suspicion
from charloc.suspicion.alphabet import Alphabet
from charloc.suspicion.language import Language
from charloc.suspicion.pictures import OTHER_COPY_SCORE, TWICE_SCORE, Copies, Glance, glance, weigh
from charloc.suspicion.reading import Laid, Read, Reader, Scale
from charloc.types import Pins, WordImage

CHUNK = 64
MEASURED = 256
"""So many words, evenly spread, say how wide letters are in a set."""
GAIN_MIDDLE, GAIN_SLOPE = 7.0, 0.6
"""Nats of gain at which a transcript is as probably wrong as right, and log odds a nat, where one word in twenty is
wrong: read off sets with errors planted in them (docs/experiments.md)."""
WIDTH_MIDDLE, WIDTH_SLOPE = 6.0, 1.0
"""The same of how unusually wide or narrow a word's letters are, in standard deviations."""
NO_ROOM_SCORE = 0.97
LEAST_SIGMA = 0.05
EVIDENT = 0.5
"""A suggestion is given from this score on, and otherwise where it gains anything at all."""


@dataclass(slots=True)
class _Found:
    """What is known of N words on the way."""

    glances: list[Glance] = field(default_factory=list)
    reads: list[Read | None] = field(default_factory=list)
    weights: list[dict[Reason, float]] = field(default_factory=list)


def find(
    words: Sequence[WordImage], pins: Sequence[Pins], method: Segmental | None, progress: Progress = silent
) -> list[Suspicion]:
    """How suspicious each word is.

    Args:
        words: N words; may decode their pictures when they are indexed.
        pins: N tuples of what people said: what is not visible is not looked for.
        method: has learned; reads the words. None: transcripts are judged by the ink's width alone, and by each other.
        progress: called with ("read" | "compare", done, total); may raise to stop.

    Returns:
        N suspicions; of nearly all of them the score is close to 0.

    Source: a likelihood ratio of forced alignment and the best transcript nearby, as mispronunciations are found in
        speech (Witt and Young, Phone-level pronunciation scoring, 2000), over the segmental lattice; joined with the
        other reasons as if those were independent: 1 - product(1 - weight).
    """
    records = getattr(words, "records", words)  # a store's words decode their picture when they are indexed
    texts = [record.characters for record in records]
    reader, language = Reader(method, {c for text in texts for c in text}), Language(texts)
    scale = _scale(words, pins, reader)
    found, copies = _Found(), Copies()
    for index, (word, laid) in enumerate(_laid(words, pins, reader, progress)):
        seen = glance(word.pixels, laid.ink)
        found.glances.append(seen)
        if not seen.blank:
            copies.add(index, word.pixels, laid.ink.mask)
        weights, read = _judge(laid, seen, scale, reader, language)
        found.reads.append(read)
        found.weights.append(weights)
    ids = [int(i) for i in getattr(words, "ids", None) or (word.id for word in words)]
    others = _copies(words, ids, copies, found, progress)
    alphabet = Alphabet(texts)
    for weights, of_picture, text in zip(found.weights, weigh(found.glances), texts, strict=True):
        weights.update(of_picture | alphabet.weigh(text))
    return list(map(_suspicion, ids, texts, found.weights, found.reads, others))


def reader_from(learned: Checkpoint | None) -> Segmental | None:
    """The method that reads, from a checkpoint of `segmental`."""
    return None if learned is None else Segmental(learned)


def _scale(words: Sequence[WordImage], pins: Sequence[Pins], reader: Reader) -> Scale:
    """How wide letters are, from some words."""
    some = range(0, len(words), max(1, len(words) // MEASURED))
    logs: list[float] = []
    for start in range(0, len(some), CHUNK):
        chunk = some[start : start + CHUNK]
        laid = reader.lay([words[i] for i in chunk], [pins[i] for i in chunk])
        logs += [float(np.log(each.scale)) for each in laid if each.fits]
    if not logs:
        return Scale()
    middle = float(np.median(logs))
    return Scale(middle, max(LEAST_SIGMA, 1.4826 * float(np.median(np.abs(np.array(logs) - middle)))))


def _laid(
    words: Sequence[WordImage], pins: Sequence[Pins], reader: Reader, progress: Progress
) -> Iterator[tuple[WordImage, Laid]]:
    for start in range(0, len(words), CHUNK):
        chunk = [words[i] for i in range(start, min(start + CHUNK, len(words)))]
        for done, pair in enumerate(zip(chunk, reader.lay(chunk, pins[start : start + CHUNK]), strict=True)):
            if done % 8 == 0:
                progress("read", start + done, len(words))
            yield pair
    progress("read", len(words), len(words))


def _judge(
    laid: Laid, seen: Glance, scale: Scale, reader: Reader, language: Language
) -> tuple[dict[Reason, float], Read | None]:
    """What a word's lattice says against its transcript."""
    if seen.blank or not laid.letters:
        return {}, None
    if not laid.fits:
        return {Reason.too_many: NO_ROOM_SCORE}, None
    off = scale.deviations(laid.scale, laid.letters)
    weights = {Reason.too_few if off > 0 else Reason.too_many: float(expit(WIDTH_SLOPE * (abs(off) - WIDTH_MIDDLE)))}
    if not reader.reads:
        return weights, None
    with language.without(laid.word.characters):
        read = reader.read(laid, scale, language)
    if read.reason is not None:
        weights[read.reason] = float(expit(GAIN_SLOPE * (read.gain - GAIN_MIDDLE)))
    return weights, read


def _copies(
    words: Sequence[WordImage], ids: Sequence[int], copies: Copies, found: _Found, progress: Progress
) -> list[int | None]:
    """Weigh pictures that are there twice; give each word's other copy, by id."""
    records = getattr(words, "records", words)
    others: list[int | None] = [None] * len(words)
    progress("compare", 0, 1)
    for a, b in copies.pairs(_Pixels(words)):
        same_text = records[a].characters == records[b].characters
        reason, score = (Reason.twice, TWICE_SCORE) if same_text else (Reason.other_copy, OTHER_COPY_SCORE)
        for one, other in ((a, b), (b, a)):
            # The first copy of a picture is not too many.
            if reason is Reason.other_copy or one > other:
                found.weights[one][reason] = score
            if others[one] is None or reason is Reason.other_copy:
                others[one] = ids[other]
    progress("compare", 1, 1)
    return others


class _Pixels(Sequence[NDArray[np.uint8]]):
    """The pictures of words, decoded when they are asked for."""

    def __init__(self, words: Sequence[WordImage]) -> None:
        self._words = words

    def __len__(self) -> int:
        return len(self._words)

    def __getitem__(self, index: int) -> NDArray[np.uint8]:  # type: ignore[override]
        return self._words[index].pixels


def _suspicion(
    word_id: int, text: tuple[str, ...], weights: dict[Reason, float], read: Read | None, other: int | None
) -> Suspicion:
    score = 1.0 - float(np.prod([1.0 - each for each in weights.values()]))
    reason = max(weights, key=lambda each: weights[each], default=Reason.changed)
    suggested = read is not None and read.text != text and (read.gain > 0 or score >= EVIDENT)
    if not suggested or read is None:
        return Suspicion(word_id, score, reason, weights, other=other)
    return Suspicion(word_id, score, reason, weights, read.text, read.gain, other)
