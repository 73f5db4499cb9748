"""Rendered words to learn from before there are any: what letters look like in whatever fonts are there.

The truth of a rendered word is known because it was rendered. Nothing here sees a box that a person drew.
"""

from __future__ import annotations

import io
import string
import unicodedata
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import lru_cache, partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from charloc.faces import Face
from charloc.methods import Progress, silent
from charloc.synth import WORDS, Degradation, Rendered, load_font, render
from charloc.text import characters, is_space
from charloc.types import CharlocError

LATIN = "".join(
    chr(code)
    for low, high in ((0x21, 0x7F), (0xA1, 0x180), (0x218, 0x21C), (0x1E02, 0x1E6C), (0x2013, 0x2023))
    for code in range(low, high)
    if unicodedata.category(chr(code))[0] in "LNPS" and "WITH MACRON AND" not in unicodedata.name(chr(code), "")
)
"""Latin letters of European languages, digits, punctuation."""
PLAIN = 0.3
"""Share of the words that are clean print."""
SIZES_PX = (17.0, 64.0)
"""Smallest and largest size of a font."""
TOUCHING = 0.06
"""Letters that touch stand so much closer than usual, at most, in sizes of the font."""
BY_HAND = 0.15, 0.6
"""Share of the words that look as if written by hand: where letters stand apart, and where they join."""
JOINED = 0.4
"""Share of the words set in faces whose letters join, where there are such faces: those are the hardest."""
UNSPELT = 0.5
"""Share of the words whose letters follow no spelling: what is learned has to hold in any language."""
ACCENTED = 0.2
"""Share of those letters that are any small letter of the alphabet; the others are from a to z."""
MARKED, ORDINARY = 0.25, 0.75
"""Share of the words with a punctuation mark, and of these marks how many are what running text has most."""
ORDINARY_MARKS = ".....,,,,,--'’’:;?!"
"""As often as they come, about. Where a full stop is rare, every dot at a word's end is taken for dirt."""
CHUNK = 64
FEWEST = 10
"""Words need so many different characters; a face that draws fewer of the alphabet is not used."""


def render_corpus(
    alphabet: Sequence[str], faces: Sequence[Face], count: int, seed: int, progress: Progress = silent, workers: int = 2
) -> list[Rendered]:
    """`count` rendered words with their exact boxes; the same for the same arguments.

    Args:
        alphabet: the characters words are made of, or a text that holds them; one that no face draws does not occur.
        faces: typefaces; `JOINED` of the words are set in those whose letters join, each as likely as any like it.
        workers: at most so many processes render.

    Raises:
        CharlocError: there are no faces, or none draws `FEWEST` characters of the alphabet.
    """
    if not faces:
        raise CharlocError("There is no font to render words with. Name folders that hold some: --fonts FOLDER")
    rendered: list[Rendered] = []
    known = tuple(characters(alphabet)) if isinstance(alphabet, str) else tuple(alphabet)
    if not any(len(_drawn(face, known)) >= FEWEST for face in faces):
        raise CharlocError(f"No font draws {FEWEST} of the {len(known)} characters: too few to make words of.")
    make = partial(_render, known, tuple(faces), seed)
    starts = range(0, count, CHUNK)
    with ProcessPoolExecutor(max(1, min(workers, len(starts))), mp_context=get_context("spawn")) as pool:
        for start, some in zip(starts, pool.map(make, starts), strict=True):
            progress("render", start, count)
            rendered += some
    progress("render", count, count)
    return rendered[:count]


def _render(alphabet: tuple[str, ...], faces: tuple[Face, ...], seed: int, start: int) -> list[Rendered]:
    rng = np.random.default_rng((seed, start))
    out: list[Rendered] = []
    sorts = [some for some in _sorts(faces) if some]
    while len(out) < CHUNK:
        some = sorts[int(rng.random() < JOINED)] if len(sorts) > 1 else sorts[0]
        face = some[int(rng.integers(len(some)))]
        drawn = _drawn(face, alphabet)
        if len(drawn) < FEWEST:
            continue
        text = random_text(drawn, rng)
        if not {*characters(text)} <= {*drawn, " "}:
            continue  # characters that make another one where they meet
        size = float(np.exp(rng.uniform(*np.log(SIZES_PX))))
        files = [face.file("a" if is_space(c) else c) for c in characters(text)]
        loaded = {file: load_font(file, size) for file in files}  # letters of one font are set with its kerning
        fonts = [loaded[file] for file in files]
        try:
            rendered = render(text, fonts, rng, _degradation(rng, size, _joins(face.file(drawn[0]) or face.files[0])))
        except (CharlocError, OSError):
            continue  # a font with a broken or empty glyph
        if rng.random() < 0.2:
            rendered = replace(rendered, pixels=_compressed(rendered.pixels, int(rng.integers(20, 90))))
        out.append(rendered)
    return out


@lru_cache(maxsize=4096)
def _drawn(face: Face, alphabet: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(each for each in alphabet if face.file(each) is not None)


@lru_cache(maxsize=1)
def _sorts(faces: tuple[Face, ...]) -> tuple[tuple[Face, ...], tuple[Face, ...]]:
    """Those whose letters stand apart, and those whose letters join."""
    joined = [_joins(face.file("n") or face.files[0]) for face in faces]
    apart, joining = (
        tuple(face for face, does in zip(faces, joined, strict=True) if does is side) for side in (False, True)
    )
    return apart, joining


@lru_cache(maxsize=4096)
def _joins(file: Path) -> bool:
    """Whether a font's letters run into each other."""
    font = load_font(file, 200)
    drawn = {each: font.getbbox(each, anchor="ls") for each in "nu"}
    return all(box[2] - min(box[0], 0) > font.getlength(each) + 3 for each, box in drawn.items())


def _degradation(rng: np.random.Generator, size_px: float, joined: bool) -> Degradation:
    """Clean print, or a bad scan of a crooked page; either may show its neighbouring lines, or be by hand."""

    def some(share: float) -> bool:
        return bool(rng.random() < share)

    lines = [int(rng.uniform(0, 0.35) * size_px) if some(0.2) else 0 for _ in range(2)]
    drawn = Degradation.draw(rng, hard=not some(PLAIN))
    apart = drawn.tracking_px * some(0.1 if joined else 0.5)
    tracking = -rng.uniform(0, TOUCHING) * size_px if some(0.2) else apart
    hand = rng.uniform(0.2, 1.0) * some(BY_HAND[joined])
    drawn = replace(drawn, lines_px=(lines[0], lines[1]), tracking_px=tracking, hand=hand)
    if drawn.noise == 0:
        return replace(drawn, specks=int(rng.poisson(0.5)), rotation_deg=rng.normal(0, 1) * some(0.5))
    return replace(
        drawn,
        stains=int(rng.integers(1, 3)) * some(0.15),
        fade=rng.uniform(0, 0.7) * some(0.2),
        grain=rng.uniform(0, 0.06) * some(0.3),
        blur_px=drawn.blur_px * size_px / 30,
    )


def _compressed(pixels: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """The picture as a JPEG file gives it back."""
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "JPEG", quality=quality)
    return np.asarray(Image.open(data)).copy()


@lru_cache(maxsize=1)
def _followers() -> dict[str, str]:
    """What follows each two letters in ordinary words, as often as it does; a space ends a word."""
    table: dict[str, str] = {}
    for word in WORDS:
        padded = f"  {word} "
        for i in range(len(padded) - 2):
            table[padded[i : i + 2]] = table.get(padded[i : i + 2], "") + padded[i + 2]
    return table


def _pronounceable(rng: np.random.Generator) -> str:
    made = "  "
    while len(made) < 14:
        after = _followers()[made[-2:]]
        made += after[int(rng.integers(len(after)))]
        if made[-1] == " ":
            break
    return made.strip()


def random_text(alphabet: Sequence[str], rng: np.random.Generator) -> str:
    """A word, sometimes a line, made of `alphabet` alone: half of them like a language, with rare characters strewn in.

    Args:
        alphabet: at least one character.
    """
    kind = rng.random()
    if kind < 0.1:
        return " ".join(_word(alphabet, rng) for _ in range(int(rng.integers(2, 5))))
    return _word(alphabet, rng)


def _word(alphabet: Sequence[str], rng: np.random.Generator) -> str:
    known = set(alphabet)
    kind = rng.random()
    if kind < 0.1:
        digits = [each for each in alphabet if each.isdigit()] or list(alphabet)
        word = [digits[int(rng.integers(len(digits)))] for _ in range(int(rng.integers(1, 5)))]
    elif kind < 0.2:
        word = [alphabet[int(rng.integers(len(alphabet)))] for _ in range(int(rng.integers(1, 8)))]
    else:
        text = _pronounceable(rng)
        if rng.random() < UNSPELT:
            text = "".join(_letters(alphabet, len(text), rng))
        style = rng.random()
        text = text.upper() if style < 0.1 else text.capitalize() if style < 0.35 else text
        word = [each if each in known else alphabet[int(rng.integers(len(alphabet)))] for each in characters(text)]
        if rng.random() < 0.3:
            word[int(rng.integers(len(word)))] = alphabet[int(rng.integers(len(alphabet)))]
    if rng.random() < MARKED:
        ordinary = [each for each in ORDINARY_MARKS if each in known] if rng.random() < ORDINARY else []
        marks = ordinary or [each for each in alphabet if unicodedata.category(each[0])[0] == "P"]
        if marks:
            places = [0, len(word), int(rng.integers(len(word) + 1))]
            word.insert(int(rng.choice(places, p=[0.15, 0.75, 0.1])), marks[int(rng.integers(len(marks)))])
    return "".join(word)


def _letters(alphabet: Sequence[str], count: int, rng: np.random.Generator) -> list[str]:
    """Letters that follow no spelling."""
    plain = string.ascii_lowercase
    small = [each for each in alphabet if each[0].isalpha() and not each[0].isupper()] or plain
    sources = [small if rng.random() < ACCENTED else plain for _ in range(count)]
    return [source[int(rng.integers(len(source)))] for source in sources]
