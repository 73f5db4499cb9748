"""Small projects for tests of the application: rendered words, and rounds whose proposals are noisy true boxes."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from charloc.synth import CLEAN, load_font, render_word
from charloc.types import Localization, SourceWord
from db import RoundStats, Store

TEXTS = ("melody", "guard", "willow", "fire", "number", "yellow", "knife", "autumn", "bridge", "queen")


def add_words(store: Store, texts: Sequence[str], size_px: float = 34) -> dict[str, np.ndarray]:
    """Render and add words; returns the true boxes by text."""
    rng = np.random.default_rng(7)
    font = load_font(None, size_px)
    items, truth = [], {}
    for index, text in enumerate(texts):
        pixels, boxes = render_word(text, font, rng, CLEAN)
        out = io.BytesIO()
        Image.fromarray(pixels).save(out, "PNG")
        source = SourceWord(name=f"page_{index // 5 + 1}/{index:03d}.png", image=out.getvalue(), text=text)
        items.append((source, pixels.shape[1], pixels.shape[0], "image/png"))
        truth[text] = boxes
    store.add_words(items)
    return truth


def add_round(
    store: Store,
    truth: dict[str, np.ndarray],
    noise_px: float = 2.0,
    seed: int = 0,
    method: str = "guess",
    apart: float | None = None,
) -> None:
    """Finish a round at once; each character's confidence falls with its own noise.

    Other methods disagree `apart` with the first character of every word, with no other one; None: nobody knows.
    """
    parent = store.seen_round()
    this = store.begin_round(method, parent_id=parent.id if parent else None, settings={}, pid=os.getpid())
    finish_round(store, this.id, truth, noise_px, seed, method, apart)


def finish_round(
    store: Store,
    round_id: int,
    truth: dict[str, np.ndarray],
    noise_px: float,
    seed: int,
    method: str,
    apart: float | None,
) -> None:
    """Write noisy proposals for all words and end the round."""
    rng = np.random.default_rng(seed)
    proposals, disagreements = [], {}
    for word in store.words(store.word_ids()):
        boxes = truth[word.text].astype(np.float32).copy()
        noise = rng.normal(0, noise_px, boxes.shape).astype(np.float32)
        boxes = np.clip(boxes + noise, 0, [word.width, word.height, word.width, word.height]).astype(np.float32)
        boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + 1)
        confidence = np.clip(1.02 - np.abs(noise).mean(axis=1) / (2.5 * max(noise_px, 0.1)), 0.05, 0.99)
        confidence = np.nan_to_num(confidence).astype(np.float32)
        uncertainty = float(1 - confidence.min())
        proposals.append((word.id, Localization(boxes, confidence, -10.0, method), uncertainty))
        if apart is not None:
            disagreements[word.id] = np.array([apart, *[0.0] * (len(boxes) - 1)], np.float32)
    stats = RoundStats(words=len(proposals), seconds=1.5, words_per_s=900.0, log_likelihood=-0.42, moved=12)
    store.finish_round(round_id, proposals, stats, None, disagreements)


def make_project(folder: Path, texts: Sequence[str] = TEXTS, noise_px: float = 2.0) -> Store:
    """A project with these words and one finished round."""
    store = Store.open(folder, create=True)
    add_round(store, add_words(store, texts), noise_px)
    return store
