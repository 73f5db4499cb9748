"""A small project to try charloc on: rendered words in several hands, from the font that comes with Pillow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from annotator.importer import import_items
from charloc.synth import Degradation, load_font, render
from charloc.types import CharlocError, SourceWord
from db import Store

SEED = 1897

# Each page looks different, and most are hard somewhere: letters that touch, lean, fade, or stand on a line.
PAGES: dict[str, tuple[float, Degradation, str]] = {
    "primer": (
        40,
        Degradation(tracking_px=2, blur_px=0.6, noise=0.015, paper=0.94, contrast=0.8, shading=0.06),
        "Where every letter stands is what these words will tell you",
    ),
    "letter": (
        36,
        Degradation(
            shear=0.32, stretch=0.86, tracking_px=-1.6, blur_px=0.7, noise=0.02, paper=0.9, contrast=0.7, shading=0.1
        ),
        "Dearest sister, yesterday morning brought little wind, although clouds hang heavily",
    ),
    "poster": (
        46,
        Degradation(stretch=1.12, tracking_px=-2.2, stroke_px=1.2, blur_px=0.5, noise=0.02, paper=0.96, contrast=0.9),
        "Grand summer concert, Friday evening! Military music, dancing",
    ),
    "ledger": (
        32,
        Degradation(rules=1, specks=5, tracking_px=0.8, blur_px=0.6, noise=0.03, paper=0.86, contrast=0.6, shading=0.1),
        "Copper kettle, twelve velvet jackets, thirty-six yards linen",
    ),
    "spine": (
        34,
        Degradation(inverted=True, tracking_px=1, stroke_px=0.6, blur_px=0.8, noise=0.03, paper=0.85, contrast=0.7),
        "Journey through quiet mountain valleys, second volume",
    ),
    "crooked": (
        38,
        Degradation(
            rotation_deg=4, shear=0.1, tracking_px=-0.6, blur_px=0.9, noise=0.05, paper=0.8, contrast=0.45, shading=0.2
        ),
        "Difficult weather, fifty offices flooded, official rifle affair",
    ),
}
LINES = ("Wind and rain", "Half a mile on", "The old mill", "at the river bank", "until next year")


def demo_project(path: Path) -> None:
    """Make the demo project in the folder `path`, unless it is there: some sixty words without boxes.

    Raises:
        CharlocError: it cannot be made there.
    """
    with Store.open(path, create=True) as store:
        if store.word_count() == 0:
            words = list(demo_words())
            report = import_items(store, words, len(words))
            if report.rejected:
                raise CharlocError(f"The demo could not be made: {report.rejected[0].reason}")


def demo_words() -> Iterator[SourceWord]:
    """The demo's words, always the same."""
    rng = np.random.default_rng(SEED)
    for page, (size_px, degradation, text) in PAGES.items():
        for number, word in enumerate(text.split(), 1):
            yield _word(f"{page}/{number:02}.png", page, word, size_px, degradation, rng)
    size_px, degradation, _ = PAGES["primer"]
    for number, line in enumerate(LINES, 1):
        yield _word(f"lines/{number:02}.png", "lines", line, size_px, degradation, rng)


def _word(
    name: str, page: str, text: str, size_px: float, degradation: Degradation, rng: np.random.Generator
) -> SourceWord:
    font = load_font(None, size_px * rng.uniform(0.94, 1.06))
    source = render(text, font, rng, degradation).source_word(name)
    return SourceWord(name, source.image, source.text, source.boxes, meta={"page": page, "source": "charloc's demo"})
