"""What a round starts from where its method has learned nothing yet: as asked for, and as the round keeps it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from charloc import em
from charloc.methods import Progress
from charloc.types import CharlocError, Localization, Pins, WordImage
from db import Round

INITS: Mapping[str, str] = MappingProxyType({"guess": "guess", "flat": "even", "pretrained": em.FIRST})
"""What a project starts from, and the method that makes it."""
INIT, START, FRESH = "init", "start", "fresh"
"""The keys of a round's settings that say so, beside those of its method."""


@dataclass(frozen=True, slots=True)
class Start:
    """What a round starts from.

    Args:
        init: a key of `INITS`.
        folder: of a checkpoint to begin with instead of the one that ships; "" for none.
        fresh: begin so although its method has learned before.
    """

    init: str = "pretrained"
    folder: str = ""
    fresh: bool = False

    def __post_init__(self) -> None:
        if self.init not in INITS:
            raise CharlocError(f"There is no init '{self.init}'. Choose one of: {', '.join(INITS)}.")
        if self.init == "flat" and self.folder:
            raise CharlocError("--init flat starts from nothing: leave it out, or leave --start out.")

    @classmethod
    def taken_from(cls, settings: dict[str, object]) -> Start:
        """What a round's settings say of it; only the method's own stay in them. Rounds that say nothing are old."""
        return cls(str(settings.pop(INIT, "guess")), str(settings.pop(START, "")), bool(settings.pop(FRESH, False)))

    @property
    def settings(self) -> dict[str, object]:
        """As a round keeps it."""
        return {INIT: self.init, **self.named, **({FRESH: True} if self.fresh else {})}

    @property
    def named(self) -> dict[str, object]:
        """The setting of the method `pretrained` that names another checkpoint than the one that ships."""
        return {START: self.folder} if self.folder else {}

    @property
    def first(self) -> str:
        """The method that makes the first segmentation."""
        return INITS[self.init]

    @property
    def first_settings(self) -> dict[str, object]:
        return self.named if self.first == em.FIRST else {}

    def guess(self, words: Sequence[WordImage], pins: Sequence[Pins], progress: Progress) -> list[Localization]:
        """The first segmentation of these words."""

        def preparing(phase: str, done: int, total: int) -> None:
            progress("prepare" if phase == "localize" else phase, done, total)

        return em.first_guess(words, pins, preparing, self.first, **self.first_settings)

    def is_not(self, parent: Round | None) -> bool:
        """Whether a method that has learned nothing must not learn from `parent`'s boxes: it is another start."""
        if self.init == "flat" or parent is None:
            return True
        if parent.method not in INITS.values():
            return False
        named = {key: value for key, value in parent.settings.items() if key == START}
        return (parent.method, named) != (self.first, self.first_settings)

    def refuse_to_go_on(self, learned: Round, method: str) -> None:
        """Refuse to call a round of `method` flat, or begun with a named checkpoint, that would go on from one which
        was not.

        Args:
            learned: the newest round of the method or its kin; it has a checkpoint.

        Raises:
            CharlocError: it did not start so, and `fresh` is not asked for.
        """
        if self.fresh:
            return
        goes_on = f"{method} would go on from what round {learned.number} ({learned.method}) learned"
        anew = "Add --fresh to start anew, or leave"
        if self.init == "flat" and learned.settings.get(INIT) != "flat":
            raise CharlocError(f"--init flat: {goes_on}, which did not start flat. {anew} --init flat out to go on.")
        if self.folder and learned.settings.get(START) != self.folder:
            raise CharlocError(
                f"--start {self.folder}: {goes_on}, which did not start there. {anew} --start out to go on."
            )
