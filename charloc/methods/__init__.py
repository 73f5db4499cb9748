"""Every system that can localize characters, by name.

A method is a class that satisfies `Method`; `METHODS` maps its name to where it lives, so that listing the methods
does not import torch. To add one: write its file, name it here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from inspect import Parameter, signature
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from charloc.types import CharlocError, Localization, Pins, TrainingSet, WordImage

Progress = Callable[[str, int, int], None]
"""progress(phase, done, total): called often from the thread that works; may raise to stop the work."""


def silent(phase: str, done: int, total: int) -> None:
    """The progress callback of those who do not want one."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """All a method has learned: `tensors` (numpy arrays by name) and `settings` (plain JSON).

    `charloc.checkpoint` writes and reads it as safetensors + JSON.
    """

    tensors: Mapping[str, NDArray[np.generic]]
    settings: Mapping[str, object]


@runtime_checkable
class Method(Protocol):
    """One system: learn from where characters are believed to be, then say where they are.

    A method is made once per round by its constructor `Method(checkpoint: Checkpoint | None, **settings)`:
    None starts it fresh. `m_step` and `e_step` may be called in any number and order; `e_step` on a fresh method
    that learns is an error.
    """

    name: str
    learns: bool
    honours_pins: bool

    def m_step(self, training: TrainingSet, progress: Progress = silent) -> Mapping[str, float]:
        """Learn from `training`; return numbers worth recording (mean loss, seconds ...)."""

    def e_step(
        self, words: Sequence[WordImage], pins: Sequence[Pins], progress: Progress = silent
    ) -> list[Localization]:
        """Localize each word under its pins; a pinned character comes back with its pinned box, confidence 1."""

    def checkpoint(self) -> Checkpoint:
        """All that was learned, enough to make this method again; `settings["method"]` is its name."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the registry: where a method's class is, and what it is in a few words (for menus).

    Args:
        module, cls: where the class is.
        summary: what the method does, for menus: one short line.
        learns: whether it has an M-step, and so a checkpoint.
        kin: other methods whose checkpoint the class accepts as a start; `Checkpoint.settings["method"]` tells its
            constructor which of them wrote the one it got.
    """

    module: str
    cls: str
    learns: bool
    summary: str
    kin: tuple[str, ...] = ()


METHODS: dict[str, Entry] = {
    "guess": Entry("charloc.methods.guess", "Guess", False, "ink cuts and width priors; no learning"),
    "pretrained": Entry(
        "charloc.methods.pretrained", "Pretrained", False, "a net that knows Latin letters from rendered words"
    ),
    "segmental": Entry(
        "charloc.methods.segmental", "Segmental", True, "frame-wise net, segmental alignment over ink cuts, box head"
    ),
    "even": Entry("charloc.methods.even", "Even", False, "an even split of the ink: the floor; no learning"),
    "ctc": Entry("charloc.methods.ctc", "Ctc", True, "scanning LSTM, aligned frame by frame; boxes from the ink"),
    "brute_xy": Entry(
        "charloc.methods.brute_xy", "BruteXy", True, "x from ctc, every y at half height; 2-D net", kin=("ctc",)
    ),
    "xy": Entry("charloc.methods.xy", "Xy", True, "2-D net, 2-D beam search, box head joined with the ink"),
    "proposals": Entry(
        "charloc.methods.proposals", "Proposals", True, "regions of ink, named and refined, in the transcript's order"
    ),
    "proposals_bag": Entry(
        "charloc.methods.proposals", "ProposalsBag", True, "the same regions as a bag of characters, no order"
    ),
    "gradient": Entry(
        "charloc.methods.gradient", "Gradient", True, "ctc's net; the ink its outputs respond to most", kin=("ctc",)
    ),
    "masking": Entry(
        "charloc.methods.masking", "Masking", True, "ctc's net; the ink its outputs miss when covered", kin=("ctc",)
    ),
}
DEFAULT = "segmental"


def make(name: str, checkpoint: Checkpoint | None = None, **settings: object) -> Method:
    """The method called `name`, fresh or from a checkpoint.

    Raises:
        CharlocError: there is no such method, or it has no such settings; the message lists those there are.
    """
    check_settings(name, settings)
    method: Method = _class(name)(checkpoint, **settings)
    return method


def check_settings(name: str, settings: Mapping[str, object]) -> None:
    """Refuse settings that the method called `name` does not have, of another type than their defaults,
    and numbers that are negative or not finite.

    Raises:
        CharlocError: there is no such method or setting, or a value is not what was expected.
    """
    if name not in METHODS:
        raise CharlocError(f"There is no method '{name}'. Choose one of: {', '.join(METHODS)}.")
    if not settings:
        return
    parameters = signature(_class(name)).parameters.values()
    defaults = {each.name: each.default for each in parameters if each.kind is Parameter.KEYWORD_ONLY}
    for key, value in settings.items():
        if key not in defaults:
            raise CharlocError(f"The method '{name}' has no setting '{key}'. It has: {', '.join(defaults) or 'none'}.")
        default = defaults[key]
        accepted, expected = _TYPES.get(type(default), (None, "a number"))
        fits = accepted is None or type(value) in accepted
        # Also where the default is None: no method has a use for other numbers.
        if fits and isinstance(value, int | float) and not 0 <= value < math.inf:
            fits, expected = False, f"{expected}, finite and not negative"
        if not fits:
            example = "" if default is None else f", such as {default!r}"
            raise CharlocError(
                f"The setting '{key}' of the method '{name}' is {value!r}; expected {expected}{example}."
            )


_TYPES: dict[type, tuple[tuple[type, ...], str]] = {
    bool: ((bool,), "true or false"),
    int: ((int,), "a whole number"),
    float: ((float, int), "a number"),
    str: ((str,), "a word"),
}
"""By the type of a setting's default: the types that a value may have, and what to call them."""


def _class(name: str) -> Any:
    entry = METHODS[name]
    return getattr(import_module(entry.module), entry.cls)
