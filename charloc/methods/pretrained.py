"""The first proposals of a new project: by a net that has learned letters from rendered words, nothing of the project.

What that net cannot read, the first guess localizes: without a fuss, word by word.
"""

from __future__ import annotations

import logging
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from charloc import checkpoint as on_disk
from charloc import pretrained, realign
from charloc.inkmap import OwnInk
from charloc.methods import Checkpoint, Method, Progress, make, silent
from charloc.methods.guess import Guess
from charloc.types import Localization, Pins, TrainingSet, WordImage

CHUNK = 64
log = logging.getLogger(__name__)


class Pretrained:
    """The method `pretrained`: another method, as it left the checkpoint that ships; it learns nothing more.

    A word of which that knows less than half of the characters is left to `guess`, which is told whose the ink is; the
    word says so as its `method`.

    Args:
        checkpoint: not looked at; there is nothing to restore.
        start: a folder with another checkpoint, of any method that learns, to use instead.
    """

    name = "pretrained"
    learns = False
    honours_pins = True

    def __init__(self, checkpoint: Checkpoint | None = None, *, start: str = "") -> None:
        del checkpoint
        self.start = start

    @cached_property
    def _learned(self) -> Checkpoint | None:
        return on_disk.read(Path(self.start)) if self.start else pretrained.shipped()

    @cached_property
    def _reader(self) -> Method:
        assert self._learned is not None
        return make(str(self._learned.settings["method"]), self._learned)

    @cached_property
    def _guess(self) -> Guess:
        guess = Guess()
        if self._learned is not None:
            guess.own = _own_ink(self._learned)
        return guess

    def _reads(self, word: WordImage) -> bool:
        return self._learned is not None and pretrained.knows(self._learned, [word])

    def m_step(self, training: TrainingSet, progress: Progress = silent) -> Mapping[str, float]:
        return {}

    def e_step(
        self, words: Sequence[WordImage], pins: Sequence[Pins], progress: Progress = silent
    ) -> list[Localization]:
        _ = self._learned  # damaged: said before anything is localized
        guessed = 0
        out: list[Localization] = []
        for start in range(0, len(words), CHUNK):
            progress("localize", start, len(words))
            chunk = {i: words[i] for i in range(start, min(start + CHUNK, len(words)))}
            read = [i for i in chunk if self._reads(chunk[i])]
            rest = [i for i in chunk if i not in set(read)]
            by_index: dict[int, Localization] = {}
            if rest:
                found = self._guess.e_step([chunk[i] for i in rest], [pins[i] for i in rest])
                by_index = dict(zip(rest, found, strict=True))
            if read:
                found = self._reader.e_step([chunk[i] for i in read], [pins[i] for i in read])
                by_index |= {i: replace(each, method=self.name) for i, each in zip(read, found, strict=True)}
            guessed += len(rest)
            out += [by_index[i] for i in chunk]
        progress("localize", len(words), len(words))
        if guessed:
            log.info("%d of %d words are in letters that nothing pretrained knows: guessed.", guessed, len(words))
        return out

    def kind(self, word: WordImage) -> Hashable:
        reads = self._reads(word)
        return reads, realign.kind(self._reader if reads else self._guess, word)

    def prepare(self, word: WordImage, known: Localization | None = None) -> tuple[Method, Any]:
        who = self._reader if self._reads(word) else self._guess
        return who, realign.prepare(who, word, known)

    def solve(self, word: WordImage, prepared: tuple[Method, Any], pins: Pins) -> Localization:
        who, seen = prepared
        found = realign.solve(who, word, seen, pins)
        return found if who is self._guess else replace(found, method=self.name)

    def checkpoint(self) -> Checkpoint:
        return Checkpoint({}, {"method": self.name})


def _own_ink(learned: Checkpoint) -> OwnInk | None:
    """What the checkpoint knows of ink, whatever the letters."""
    from charloc.methods._learner import own_ink_of  # torch: only where it is needed

    return own_ink_of(learned)
