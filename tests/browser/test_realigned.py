"""The page and the process that re-aligns, together: nothing stands in for either."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Page

from annotator.aligner import Aligner
from charloc.images import decode
from charloc.methods import make
from charloc.types import Pin, WordImage
from db import Store
from tests.annotator.led_aligner import until
from tests.browser.conftest import served, uncomplaining
from tests.browser.looking import marks, ready, selected


def settled(page: Page) -> None:
    page.wait_for_function("!charloc.live.asking && !charloc.live.wanted")


def test_what_the_method_says_under_the_pin_is_shown(browser: Browser, store: Store, project: Path) -> None:
    aligner = Aligner(project)
    try:
        with served(store, project, aligner=aligner) as url, uncomplaining(browser, url) as page:
            shown = ready(page)
            until(lambda: aligner.ready)  # the page has asked for what it fetched ahead
            moved, before = selected(page), marks(page)
            for _ in range(3):
                page.keyboard.press("Shift+ArrowRight")
            settled(page)
            after = marks(page)
            assert after[moved]["box"][0] == before[moved]["box"][0] + 15

            word = store.words([shown["id"]])[0]
            picture = WordImage(word.id, word.name, decode(store.image(word.image_sha)[0], word.name), word.characters)
            solved = make("guess").e_step([picture], [(Pin(moved, tuple(after[moved]["box"])),)])[0].boxes
            followed = 0
            for index, (mark, old) in enumerate(zip(after, before, strict=True)):
                if index != moved and mark["box"] != old["box"]:
                    assert mark["state"] == "untouched"
                    assert np.allclose(mark["box"], solved[index], atol=0.011)
                    followed += 1
            assert followed, "a neighbour has made room"
    finally:
        aligner.close()
