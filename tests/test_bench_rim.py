"""What `bench rim` measures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import ImageFont

from charloc.faces import find_faces
from tests.bench import rim


def test_the_more_blurred_the_more_is_lost(capsys: pytest.CaptureFixture[str]) -> None:
    rim.main(["--letters", "40", "--seed", "2"])
    *_, sharp, soft, softer, blurred, every = capsys.readouterr().out.splitlines()
    means = [float(row.split("|")[7]) for row in (sharp, soft, softer, blurred)]
    assert means == sorted(means) and means[0] < means[-1]
    assert every.startswith("| all | 160 |")
    assert sum(int(share.strip(" %")) for share in every.split("|")[8:11]) in (99, 100, 101)


def test_fonts_of_a_folder_are_used(tmp_path: Path) -> None:
    built_in = ImageFont.load_default(24)
    assert isinstance(built_in, ImageFont.FreeTypeFont)
    (tmp_path / "one.ttf").write_bytes(built_in.font_bytes)
    faces = find_faces([tmp_path])
    for blur in rim.BLURS_PX:
        mine, its = (rim.lost(each, blur, 9, np.random.default_rng(0)) for each in (faces, []))
        assert len(mine) == len(its) == 9 and mine.min() >= -1
