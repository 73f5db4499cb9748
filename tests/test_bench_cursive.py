"""What `bench cursive` renders: faces that nothing was learned from, the same words each time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import ImageFont

from charloc.types import CharlocError
from tests.bench import cursive


@pytest.fixture
def fonts(tmp_path: Path) -> Path:
    """Pillow's own font, there wherever these tests run."""
    (tmp_path / "aileron.ttf").write_bytes(ImageFont.load_default(24).path.getvalue())
    return tmp_path


def test_words_are_the_same_each_time(fonts: Path) -> None:
    faces = cursive.unseen(fonts)
    (once, written), (again, _) = (cursive.cursive_set("cursive_hard", faces, 5, seed=3) for _ in range(2))
    assert written == ["Aileron Regular"] * 5
    for word, other in zip(once.words, again.words, strict=True):
        assert np.array_equal(word.pixels, other.pixels)
    assert [each.boxes for each in once.truth] == [each.boxes for each in again.truth]
    other_seed, _ = cursive.cursive_set("cursive_hard", faces, 5, seed=4)
    assert [each.text for each in once.truth] != [each.text for each in other_seed.truth]


def test_words_of_other_languages_are_none_that_was_learned_from(fonts: Path) -> None:
    assert not {*cursive.FOREIGN} & {*cursive.WORDS}
    data, _ = cursive.cursive_set("cursive_foreign", cursive.unseen(fonts), 5, seed=3)
    assert {each.text.lower() for each in data.truth} <= {*cursive.FOREIGN}


def test_faces_that_were_learned_from_are_left_out(fonts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cursive.on_disk, "made_from", lambda folder: {"fonts": ["Aileron Regular"]})
    with pytest.raises(CharlocError, match="none of 1 faces is new"):
        cursive.unseen(fonts)


def test_a_folder_that_is_not_there_is_named() -> None:
    with pytest.raises(CharlocError, match="There is no folder nowhere"):
        cursive.unseen(Path("nowhere"))
