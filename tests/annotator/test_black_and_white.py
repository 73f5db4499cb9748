"""A project of black-and-white pictures: its boxes have a rim wherever they are, and lose nothing on the way."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import launch
from annotator.aligning import Helper
from annotator.rounds import run_round
from charloc.rim import RIM_PX
from charloc.synth import CLEAN, load_font, render
from charloc.types import SourceWord
from db import Store
from tests import fake_method
from tests.annotator.fakes import correct

TEXT = "lamp"


@pytest.fixture
def store(fake_project: Path) -> Iterator[Store]:
    with Store.open(fake_project, create=True) as opened:
        opened.add_words([printed(), *fake_method.words(2)])
        yield opened


def printed() -> tuple[SourceWord, int, int, str]:
    drawn = render(TEXT, load_font(None, 30), np.random.default_rng(0), CLEAN)
    data = io.BytesIO()
    Image.fromarray(np.where(drawn.pixels < 128, 0, 255).astype(np.uint8)).save(data, "PNG")
    height, width = drawn.pixels.shape
    return SourceWord("lamp.png", data.getvalue(), TEXT), width, height, "image/png"


def inner(boxes: np.ndarray, width: int, height: int) -> np.ndarray:
    """Boxes without rims, where they do not reach the border."""
    at_border = (boxes <= 0) | (boxes >= [width, height, width, height])
    return boxes + np.where(at_border, 0, RIM_PX) * [1, 1, -1, -1]


def test_rounds_show_rims_learn_without_and_export_whole_pixels_of_the_black(
    store: Store, fake_project: Path, tmp_path: Path
) -> None:
    word = store.word_ids()[0]
    first = run_round(store, fake_project, "fake")
    second = run_round(store, fake_project, "fake")
    training = fake_method.M_STEPS[-1]
    shown = store.proposals(first.id, [word])[word].boxes
    (record,) = store.words([word])
    black = inner(shown, record.width, record.height)
    assert (shown != black).any()
    np.testing.assert_array_equal(training.localizations[0].boxes, black.astype(np.float32))
    launch.main(["export", "--project", str(fake_project), "--format", "jsonl", "--out", str(tmp_path / "out.jsonl")])
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
    newest = store.proposals(second.id, [word])[word].boxes
    assert rows[0]["boxes"] == [[round(float(edge), 2) for edge in box] for box in newest]


def test_a_correction_holds_as_it_was_drawn_in_rounds_and_while_it_is_dragged(
    store: Store, fake_project: Path
) -> None:
    word = store.word_ids()[0]
    run_round(store, fake_project, "fake")
    box = (5.25, 4.0, 17.75, 21.5)
    correct(store, word, None, box)
    after = run_round(store, fake_project, "fake")
    boxes, unaided = store.proposals(after.id, [word])[word].boxes, store.unaided(after.id, [word])[word].boxes
    assert tuple(boxes[1].tolist()) == box
    np.testing.assert_array_equal(boxes[[0, 2, 3]], unaided[[0, 2, 3]])
    assert tuple(unaided[1].tolist()) != box
    helper = Helper(store, fake_project)
    helper.answer({"do": "load", "round_id": after.id})
    (record,) = store.words([word])
    named = {"id": word, "name": record.name, "sha": record.image_sha}
    asked = {"do": "solve", "round_id": after.id, "word": named, "characters": list(TEXT)}
    solved = helper.answer({**asked, "pins": [[1, box, "pinned"]]})
    np.testing.assert_allclose(np.array(solved["boxes"], np.float32), boxes)
