"""Transcripts: characters as a reader counts them, their classes, and the order in which they stand on paper."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import regex
from numpy.typing import NDArray

from charloc.types import CharlocError, TranscriptError

_CLUSTER = regex.compile(r"\X")
_WHITE = regex.compile(r"\p{White_Space}+")
# Marks that steer layout and leave no ink: a box for them could not be right. The joiners U+200C and U+200D stay,
# they belong to the cluster before them; so does the soft hyphen, which transcripts use for one that is printed.
_INVISIBLE = regex.compile(r"[\u200B\u200E\u200F\u202A-\u202E\u2060-\u2069\uFEFF]")
_REFUSED = regex.compile(r"[\p{Cc}\p{Cs}]")


def normalise(text: str) -> str:
    r"""`text` in the one form used everywhere: NFC, single spaces between words, none at either end.

    A byte order mark, line ends and other invisible layout marks are taken out.

    Args:
        text: a transcript as some file held it.

    Returns:
        The transcript; "" if there was nothing but white space. `normalise` of it is itself.

    Raises:
        TranscriptError: it holds a control character or half a surrogate pair.

    >>> normalise("\ufeffun  deux\n")
    'un deux'
    """
    text = unicodedata.normalize("NFC", _WHITE.sub(" ", _INVISIBLE.sub("", text))).strip(" ")
    refused = _REFUSED.search(text)
    if refused:
        raise TranscriptError(
            f"The transcript {shorten(text)!r} holds the control character U+{ord(refused[0]):04X} at position "
            f"{refused.start() + 1}. Take it out: it has no ink."
        )
    return text


def characters(text: str) -> tuple[str, ...]:
    r"""The L characters of `text` as a reader counts them: grapheme clusters of its NFC form, in reading order.

    >>> characters("e\u0301a")
    ('é', 'a')
    """
    return tuple(_CLUSTER.findall(unicodedata.normalize("NFC", text)))


def code_points_per_character(characters: Sequence[str]) -> tuple[int, ...]:
    """How many code points each of the L characters has; they sum to `len("".join(characters))`."""
    return tuple(len(character) for character in characters)


def is_space(character: str) -> bool:
    """Whether `character` separates words: it then has no ink and no box."""
    return bool(_WHITE.fullmatch(character))


def shorten(text: str, most: int = 40) -> str:
    """`text` for a message: at most `most` code points, with an ellipsis where it was cut."""
    return text if len(text) <= most else text[: most - 1] + "…"


def visible(text: str) -> str:
    r"""`text` without what steers a terminal or turns the direction of a line: such characters by their number.

    >>> visible("a\u202eb")
    'a<U+202E>b'
    """
    return "".join(f"<U+{ord(c):04X}>" if unicodedata.category(c) in _STEERS and c not in _JOINERS else c for c in text)


_STEERS = ("Cc", "Cf", "Cs")
_JOINERS = "\u200c\u200d"
"""They belong to the character before them."""


# --- writing direction ------------------------------------------------------------------------------------------------


# Unassigned characters have no direction of their own in `unicodedata`; they are taken for left-to-right letters.
_NAMED = ("L", "R", "AL", "EN", "ES", "ET", "AN", "CS", "NSM", "BN", "B", "S", "WS", "ON")
_KINDS = {"": "L"} | {kind: kind for kind in _NAMED}


def visual_order(characters: Sequence[str]) -> tuple[int, ...]:
    """The order in which characters stand on the line, from left to right.

    The implicit part of the Unicode bidirectional algorithm (UAX #9, rules P2-P3, W1-W7, N1-N2, I1-I2, L2), with
    clusters in place of code points. Explicit embeddings are not followed: `normalise` takes those marks out.

    Args:
        characters: L grapheme clusters in reading order.

    Returns:
        L indices into `characters`; a permutation. (0, 1, ... L-1) for left-to-right text.

    >>> visual_order(("א", "ב", " ", "1", "2"))
    (3, 4, 2, 1, 0)
    """
    kinds = [_KINDS.get(unicodedata.bidirectional(character[0]), "ON") for character in characters]
    if not any(kind in ("R", "AL", "AN") for kind in kinds):
        return tuple(range(len(kinds)))
    base = next((int(kind != "L") for kind in kinds if kind in ("L", "R", "AL")), 0)
    levels = _levels(_resolve_neutral(_resolve_weak(kinds, base), base), base)
    order = list(range(len(levels)))
    for level in range(max(levels), 0, -1):  # L2: reverse every run at this level or higher
        start = 0
        while start < len(order):
            stop = start
            while stop < len(order) and levels[order[stop]] >= level:
                stop += 1
            order[start:stop] = order[start:stop][::-1]
            start = max(stop, start + 1)
    return tuple(order)


def _resolve_weak(kinds: Sequence[str], base: int) -> list[str]:
    """Rules W1-W7: numbers, and the signs in and around them."""
    kinds = list(kinds)
    edge = "R" if base else "L"
    for i, kind in enumerate(kinds):  # W1
        if kind == "NSM":
            kinds[i] = kinds[i - 1] if i else edge
    strong = edge
    for i, kind in enumerate(kinds):  # W2, W3
        if kind in ("L", "R", "AL"):
            strong = kind
            kinds[i] = "R" if kind == "AL" else kind
        elif kind == "EN" and strong == "AL":
            kinds[i] = "AN"
    for i in range(1, len(kinds) - 1):  # W4
        before, after = kinds[i - 1], kinds[i + 1]
        if before == after and kinds[i] in {"EN": ("ES", "CS"), "AN": ("CS",)}.get(before, ()):
            kinds[i] = before
    for start, stop in _runs(kinds, ("ET",)):  # W5
        if "EN" in (kinds[start - 1] if start else "", kinds[stop] if stop < len(kinds) else ""):
            kinds[start:stop] = ["EN"] * (stop - start)
    strong = edge
    for i, kind in enumerate(kinds):  # W6, W7
        if kind in ("ES", "ET", "CS"):
            kinds[i] = "ON"
        elif kind in ("L", "R"):
            strong = kind
        elif kind == "EN" and strong == "L":
            kinds[i] = "L"
    return kinds


def _resolve_neutral(kinds: Sequence[str], base: int) -> list[str]:
    """Rules N1-N2: what is neither letter nor number takes the direction around it, or the line's."""
    kinds = list(kinds)
    edge = "R" if base else "L"
    for start, stop in _runs(kinds, ("B", "S", "WS", "ON", "BN")):
        before = edge if not start else ("L" if kinds[start - 1] == "L" else "R")
        after = edge if stop == len(kinds) else ("L" if kinds[stop] == "L" else "R")
        kinds[start:stop] = [before if before == after else edge] * (stop - start)
    return kinds


def _levels(kinds: Sequence[str], base: int) -> list[int]:
    """Rules I1-I2: odd levels run right to left."""
    raised = {"L": (0, 2), "R": (1, 1), "AN": (2, 2), "EN": (2, 2)}
    return [raised[kind][base] for kind in kinds]


def _runs(kinds: Sequence[str], wanted: tuple[str, ...]) -> Iterable[tuple[int, int]]:
    """The (start, stop) of every longest run of kinds that are all in `wanted`."""
    start = 0
    while start < len(kinds):
        stop = start
        while stop < len(kinds) and kinds[stop] in wanted:
            stop += 1
        if stop > start:
            yield start, stop
        start = max(stop, start + 1)


# --- classes ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Charset:
    """Which class of a network is which character. Class 0 is the background (or blank) and no character.

    Args:
        symbols: the characters of classes 1, 2, ...; all different.

    >>> charset = Charset.of([("c", "a"), ("b", "a")])
    >>> charset.symbols, charset.encode(("b", "a")).tolist()
    (('a', 'b', 'c'), [2, 1])
    """

    symbols: tuple[str, ...]
    _classes: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_classes", {symbol: i for i, symbol in enumerate(self.symbols, 1)})
        if len(self._classes) != len(self.symbols):
            raise ValueError("a charset names each character once")

    @classmethod
    def of(cls, words: Iterable[Sequence[str]]) -> Charset:
        """The charset of these words (each its characters), sorted; spaces have no ink and are left out."""
        return cls(tuple(sorted({c for word in words for c in word if not is_space(c)})))

    def extended(self, words: Iterable[Sequence[str]]) -> Charset:
        """This charset with the new characters of `words` after its own: learned classes keep their numbers."""
        new = {c for word in words for c in word if not is_space(c)} - set(self._classes)
        return Charset((*self.symbols, *sorted(new)))

    def __len__(self) -> int:
        """Number of classes, background included."""
        return len(self.symbols) + 1

    def __contains__(self, character: object) -> bool:
        return character in self._classes

    def encode(self, characters: Sequence[str], unknown: int | None = None) -> NDArray[np.int64]:
        """Classes of `characters`, int64 (L,); a space is background (0).

        Args:
            unknown: the class of a character that is not in the charset; None makes it an error.

        Raises:
            TranscriptError: a character is not in the charset and `unknown` is None; all such are named.
        """
        classes = [0 if is_space(c) else self._classes.get(c, unknown) for c in characters]
        if None in classes:
            strange = sorted({c for c, number in zip(characters, classes, strict=True) if number is None})
            raise TranscriptError(
                f"'{shorten(''.join(characters))}' has characters the model has not learned: {' '.join(strange)}. "
                "Train a round with this word in the project first."
            )
        return np.array(classes, dtype=np.int64)

    def to_json(self) -> str:
        return json.dumps(self.symbols, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Charset:
        """The charset that `to_json` wrote.

        Raises:
            CharlocError: `text` is not a JSON list of different characters.
        """
        try:
            symbols = json.loads(text)
            if not isinstance(symbols, list) or not all(isinstance(symbol, str) and symbol for symbol in symbols):
                raise ValueError("expected a list of characters")
            return cls(tuple(symbols))
        except ValueError as error:
            raise CharlocError(f"This is not a charset: {error}. Found: {shorten(text)!r}.") from error
