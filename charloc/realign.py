"""One word again and again, under pins that move: what does not depend on the pins is done once.

A person who drags a character wants the others to follow. What is told of a word's picture alone (its ink, what a net
sees in it) takes most of the time and never changes; the search under the pins is quick. A method whose work comes
apart that way satisfies `Prepares`; any other one localizes the whole word anew each time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from threading import Lock
from typing import Any, Protocol, runtime_checkable

from charloc.glyphs import has_marks
from charloc.ink import find_ink
from charloc.methods import Method
from charloc.pinning import pinned_bounds, visible_order
from charloc.rim import Rim, rim_of
from charloc.types import Localization, Pins, WordImage

BYTES_PER_PIXEL = 300
"""About what is kept of a pixel: pictures of floats or numbers, a mask, a view, what a net makes of frames, spans."""
LARGEST_BYTES = 512 * 1024 * 1024


@runtime_checkable
class Prepares(Protocol):
    """A method that can be asked about one word again and again."""

    def kind(self, word: WordImage) -> Hashable:
        """All that `prepare` looks at besides the picture: of the same picture and kind, the same is prepared."""

    def prepare(self, word: WordImage, known: Localization | None = None) -> Any:
        """What does not depend on what people said.

        Args:
            known: where this very method has the word's characters as long as nothing is pinned, if that was found
                before: it may save looking for it.
        """

    def solve(self, word: WordImage, prepared: Any, pins: Pins) -> Localization:
        """As `Method.e_step` of this word, where that is possible.

        Raises:
            PinError: the pins contradict each other.
            TranscriptError: more characters than the picture can hold.
        """


def kind(method: Method, word: WordImage) -> Hashable:
    """`Prepares.kind` of any method."""
    return method.kind(word) if isinstance(method, Prepares) else has_marks(word.characters)


def prepare(method: Method, word: WordImage, known: Localization | None = None) -> Any:
    """`Prepares.prepare` of any method."""
    if isinstance(method, Prepares):
        return method.prepare(word, known)
    # Only to see whether pins can be held: an E-step would not say so.
    return find_ink(word.pixels, has_marks(word.characters))


def solve(method: Method, word: WordImage, prepared: Any, pins: Pins) -> Localization:
    """`Prepares.solve` of any method."""
    if isinstance(method, Prepares):
        return method.solve(word, prepared, pins)
    pinned_bounds(prepared, word, visible_order(word.characters, pins), pins)
    return method.e_step([word], [pins])[0]


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A word with what its method prepared, and its rim."""

    word: WordImage
    seen: Any
    rim: Rim


class Realigner:
    """Localizes single words under changing pins, by one method, as `em.localize` would.

    Words may be made ready in another thread than that in which they are solved; each is made ready once.

    Args:
        method: one that is ready for an E-step.
        most_bytes: how much is kept of pictures; the one used longest ago goes first.
    """

    def __init__(self, method: Method, most_bytes: int = LARGEST_BYTES) -> None:
        self.method = method
        self._most_bytes = most_bytes
        self._kept: OrderedDict[Hashable, tuple[tuple[Any, Rim], int]] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()
        self._making: dict[Hashable, Lock] = {}

    def prepare(self, word: WordImage, known: Callable[[], Localization | None] = lambda: None) -> Prepared:
        """Get the word ready, or find that it is. A picture with another transcript mostly is, too.

        Args:
            word: its `id` stands for its picture: of another picture it must be another.
            known: says where this method, as it is, has the word's characters without pins, if that was found before;
                asked only if the word is not ready.
        """
        key = (word.id, kind(self.method, word))
        with self._lock:
            making = self._making.setdefault(key, Lock())
        with making:
            try:
                with self._lock:
                    ready = self._kept[key][0] if key in self._kept else None
                if ready is None:
                    rim, before = rim_of(word.pixels), known()
                    ready = prepare(self.method, word, None if before is None else rim.off(before)), rim
                self._keep(key, ready, word.pixels.size * BYTES_PER_PIXEL)
            finally:
                self._making.pop(key, None)
        return Prepared(word, *ready)

    def _keep(self, key: Hashable, ready: tuple[Any, Rim], size: int) -> None:
        """Keep what was made ready as the last used, and forget what was used longest ago if it is too much."""
        with self._lock:
            if key not in self._kept:
                self._kept[key] = ready, size
                self._bytes += size
            self._kept.move_to_end(key)
            while self._bytes > self._most_bytes and len(self._kept) > 1:
                self._bytes -= self._kept.popitem(last=False)[1][1]

    def solve(self, prepared: Prepared, pins: Pins = ()) -> Localization:
        """Where the word's characters are, if those pinned are where they are pinned.

        Raises:
            PinError: the pins contradict each other; the message names the characters.
            TranscriptError: more characters than the picture can hold.
        """
        return prepared.rim.on(solve(self.method, prepared.word, prepared.seen, pins), pins)
