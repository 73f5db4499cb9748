"""Scrolling through 50,000 crops of one character in Chromium: how smooth, and how many requests.

python launch.py bench glyphs [--crops 50000]
"""

from __future__ import annotations

import argparse
import io
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from annotator.turns import prepare
from charloc.synth import CLEAN, load_font, render_word
from charloc.types import Localization, SourceWord
from charloc.uncertainty import word_uncertainty
from db import RoundStats, Store
from tests.bench.loop import served
from tests.browser.browsers import launch_chromium
from tests.browser.looking import ready

TEXT = "eyeseeee"
# What the browser paints: the time between frames while the sheet is scrolled.
FRAMES = """(distance) => new Promise((done) => {
  const sheet = document.querySelector('.cl-glyph-scroll');
  const times = [];
  let last = performance.now(), step = 0;
  const frame = (now) => {
    times.push(now - last);
    last = now;
    sheet.scrollTop += distance;
    if ((step += 1) < 240) requestAnimationFrame(frame);
    else done(times.slice(2));
  };
  requestAnimationFrame(frame);
})"""
IDLE = """() => new Promise((done) => {
  const times = [];
  let last = performance.now();
  const frame = (now) => {
    times.push(now - last);
    last = now;
    if (times.length < 240) requestAnimationFrame(frame); else done(times.slice(2));
  };
  requestAnimationFrame(frame);
})"""


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench glyphs", description=__doc__)
    parser.add_argument("--crops", type=int, default=50_000)
    parser.add_argument("--project", type=Path, help="keep the project here (a new folder, or one made before)")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as temporary:
        project = options.project or Path(temporary) / "project"
        if not (project / "charloc.db").exists():
            _fill(project, options.crops)
        with served(project) as address, sync_playwright() as playwright:
            browser = launch_chromium(playwright)
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            _scroll(page, address)
            browser.close()


def _scroll(page: Page, address: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/api/glyphs" in request.url else None)
    page.goto(address)
    ready(page)
    started = time.perf_counter()
    page.get_by_role("tab", name="Glyphs").click()
    shown = "document.querySelector('.cl-glyph-cell')?.style.backgroundImage.includes('atlas')"
    page.wait_for_function(shown, timeout=120_000)
    said = page.locator(".cl-glyphs [data-role=said]").text_content()
    print(f"first crops after {time.perf_counter() - started:.1f} s; {said}")
    print("| what | frames | median, ms | p95, ms | worst, ms | requests |\n|---|---|---|---|---|---|")
    for name, script, distance in (
        ("nothing moves", IDLE, None), ("slow: 20 px a frame", FRAMES, 20), ("fast: 150 px a frame", FRAMES, 150),
        ("flung: 800 px a frame", FRAMES, 800),
    ):  # fmt: skip
        before = len(asked)
        times = np.array(page.evaluate(script, distance) if distance else page.evaluate(script))
        page.wait_for_timeout(1500)
        cells = [f"{each:.1f}" for each in (*np.percentile(times, [50, 95]), times.max())]
        print(f"| {name} | {len(times)} | {' | '.join(cells)} | {len(asked) - before} |", flush=True)
    cells = page.locator(".cl-glyph-cell").count()
    print(f"{cells} elements for crops at once; {len(asked)} requests in all, {len(set(asked))} different")


def _fill(project: Path, crops: int) -> None:
    rng = np.random.default_rng(0)
    bases = [render_word(TEXT, load_font(None, size), rng, CLEAN) for size in (22, 26, 30, 34)]
    each = TEXT.count("e")
    with Store.open(project, create=True) as store:
        items, boxes = [], []
        for number in range(-(-crops // each)):
            pixels, found = bases[number % len(bases)]
            noisy = np.clip(pixels.astype(np.int16) + rng.integers(-9, 10, pixels.shape), 0, 255).astype(np.uint8)
            out = io.BytesIO()
            Image.fromarray(noisy).save(out, "PNG", compress_level=1)
            size = (pixels.shape[1], pixels.shape[0], "image/png")
            items.append((SourceWord(f"{number:05d}.png", out.getvalue(), TEXT), *size))
            boxes.append(np.asarray(found, np.float32) + rng.normal(0, 0.8, (len(TEXT), 4)).astype(np.float32))
        store.add_words(items)
        ids = store.word_ids()
        this = store.begin_round("guess", parent_id=None, settings={}, pid=os.getpid())
        sure = rng.beta(8, 1, (len(ids), len(TEXT))).astype(np.float32)
        found = [Localization(b, s, -1.0, "guess") for b, s in zip(boxes, sure, strict=True)]
        stats = RoundStats(words=len(ids), seconds=1.0, words_per_s=1.0, log_likelihood=-1.0, moved=0)
        proposals = [(id, each, word_uncertainty(each)) for id, each in zip(ids, found, strict=True)]
        store.finish_round(this.id, proposals, stats, None)
        prepare(store, store.round(this.id))
        store.put_oddities(this.id, {id: 1 + rng.exponential(0.2, len(TEXT)).astype(np.float32) for id in ids})
