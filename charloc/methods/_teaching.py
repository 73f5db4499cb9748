"""What `segmental` learns from words whose boxes are true: a chunk of them at a time, in several processes."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from charloc.learning import Sample
from charloc.methods._learner import CHUNK, believed, look
from charloc.methods._lessons import found_at
from charloc.methods.segmental import Segmental
from charloc.metrics import iou
from charloc.synth import Rendered
from charloc.text import Charset
from charloc.types import Localization, TranscriptError

Floats = NDArray[np.float32]
Result = TypeVar("Result")
Taught = Callable[[Segmental, Charset, Sequence[Rendered]], list[Result]]
"""What a method makes of some words, of none of them more than one thing."""


def letters(method: Segmental, charset: Charset, words: Sequence[Rendered]) -> list[tuple[Sample, Floats]]:
    """Each word to learn letters from, and its boxes in core heights from its baseline, (L, 4)."""
    own = method._own_ink()
    return [believed(look(each.word(0), own), each.word(0), _true(each), (), charset) for each in words]


def ends(method: Segmental, charset: Charset, words: Sequence[Rendered]) -> list[Sample]:
    """Each word to learn from where boxes end beyond the spans that a search finds; none of words that have no room."""
    samples: list[Sample] = []
    seen = method._see([look(each.word(0), method._own_ink()) for each in words])
    for each, one in zip(words, seen, strict=True):
        with suppress(TranscriptError, ValueError):
            laid = method._lay(each.word(0), (), one)
            classes = charset.encode(each.word(0).characters)
            nowhere = np.full((len(classes), 6), np.nan, dtype=np.float32)
            weights = np.ones(len(classes), dtype=np.float32)
            nothing = Sample(one.look.view.pixels, classes, nowhere[:, :2], nowhere[:, 2:], weights)
            samples.append(found_at(nothing, one.look, laid, each.boxes))
    return samples


def doubts(
    method: Segmental, charset: Charset, words: Sequence[Rendered]
) -> list[tuple[Floats, NDArray[np.bool_]]]:
    """Features of the characters of each word as it is found, and which of them are right."""
    out = []
    for each in words:
        with suppress(TranscriptError):
            placed = method._settle(each.word(0), (), *method._eye().looks([each.word(0)]))
            known = ~placed.expected.space
            out.append((placed.features[known], iou(placed.boxes, each.boxes[placed.order])[known] >= 0.5))
    return out


def spread(
    taught: Taught[Result], method: Segmental, charset: Charset, words: Sequence[Rendered],
    progress: Callable[[int, int], None], workers: int,
) -> list[Result]:  # fmt: skip
    """What `taught` makes of all words, in order.

    Args:
        progress: called with (words done, total); may raise to stop.
        workers: at most so many processes; with one it is done in this one.
    """
    size = CHUNK if workers > 1 else 1
    chunks = [words[i : i + size] for i in range(0, len(words), size)]
    out: list[Result] = []
    for done, some in enumerate(_each(taught, method, charset, chunks, workers)):
        progress(done * size, len(words))
        out += some
    progress(len(words), len(words))
    return out


def _each(
    taught: Taught[Result], method: Segmental, charset: Charset, chunks: Sequence[Sequence[Rendered]], workers: int
) -> Iterator[list[Result]]:
    if workers <= 1 or len(chunks) == 1:
        yield from (taught(method, charset, chunk) for chunk in chunks)
        return
    way = get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(chunks)), way, _begin, (taught, method, charset)) as pool:
        try:
            yield from pool.map(_of_chunk, chunks)
        finally:
            pool.shutdown(cancel_futures=True)


_HERE: list[Any] = []


def _begin(taught: Taught[Result], method: Segmental, charset: Charset) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the process that began this one, and that ends this
    torch.set_num_threads(1)
    _HERE[:] = taught, method, charset


def _of_chunk(words: Sequence[Rendered]) -> list[Any]:
    taught, method, charset = _HERE
    return list(taught(method, charset, words))


def _true(rendered: Rendered) -> Localization:
    return Localization(rendered.boxes, np.ones(len(rendered.boxes), dtype=np.float32), 0.0, "rendered")
