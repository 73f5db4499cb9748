"""Typefaces: which files are one, and which characters they draw rather than their sign for what they lack."""

from __future__ import annotations

from pathlib import Path

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from PIL import ImageFont

from charloc.faces import Face, find_faces, font_folders


def pillows(folder: Path, name: str = "aileron.ttf") -> Path:
    """Pillow's own font, in a file: a Latin one without combining marks, there wherever these tests run."""
    (folder / name).write_bytes(ImageFont.load_default(24).path.getvalue())
    return folder / name


def made(path: Path, characters: str, *, family: str = "Made", alike: bool = False) -> Path:
    """A font whose letters are bars, each of another height unless they are all alike; what it lacks is a low bar."""

    def bar(height: int) -> object:
        pen = TTGlyphPen(None)
        pen.moveTo((0, 0))
        for point in ((0, height), (400, height), (400, 0)):
            pen.lineTo(point)
        pen.closePath()
        return pen.glyph()

    names = {ord(each): f"u{ord(each):04X}" for each in characters}
    heights = [300 if alike else 300 + 60 * i for i in range(len(names))]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", *names.values()])
    builder.setupCharacterMap(names)
    builder.setupGlyf({".notdef": bar(100)} | {n: bar(h) for n, h in zip(names.values(), heights, strict=True)})
    builder.setupHorizontalMetrics(dict.fromkeys([".notdef", *names.values()], (500, 0)))
    builder.setupHorizontalHeader(ascent=1000, descent=-200)
    builder.setupNameTable({"familyName": family, "styleName": "Regular"})
    builder.setupPost()
    builder.save(path)
    return path


def test_a_folder_holds_faces_by_name(tmp_path: Path) -> None:
    (tmp_path / "deeper").mkdir()
    made(tmp_path / "deeper" / "z.otf", "aehn", family="Zebra")
    file = pillows(tmp_path, "b.TTF")
    assert [each.name for each in find_faces([tmp_path])] == ["Aileron Regular", "Zebra Regular"]
    assert find_faces([tmp_path])[0].files == (file,)


def test_what_is_no_font_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    (tmp_path / "empty.otf").touch()
    (tmp_path / "folder.ttf").mkdir()
    pillows(tmp_path, "aileron.txt")
    assert find_faces([tmp_path]) == []
    assert find_faces([]) == []
    file = pillows(tmp_path)
    assert [each.files for each in find_faces([tmp_path])] == [(file,)]


@pytest.mark.parametrize("at", [6000, 6500, 7000])
def test_a_damaged_font_is_no_reason_to_fail(tmp_path: Path, at: int) -> None:
    """FreeType opens it and finds out only when it draws the letter."""
    file = pillows(tmp_path)
    data = bytearray(file.read_bytes())
    data[at : at + 400] = b"\xff" * len(data[at : at + 400])
    file.write_bytes(data)
    for face in find_faces([tmp_path]):
        assert face.file("\ue000") is None
    drawn = [each for each in "aehn" if Face("damaged", (file,)).file(each)]
    assert len(drawn) == 3


@pytest.mark.parametrize("characters", ["!+-=", "aeh", "αεη", "中文字"])
def test_a_font_without_letters_is_left_out(tmp_path: Path, characters: str) -> None:
    made(tmp_path / "symbols.ttf", characters)
    assert find_faces([tmp_path]) == []


def test_a_font_with_one_sign_for_everything_is_left_out(tmp_path: Path) -> None:
    made(tmp_path / "boxes.ttf", "aehnαεηνавен", alike=True)
    assert find_faces([tmp_path]) == []


@pytest.mark.parametrize("letters", ["aehn", "αεην", "авен"])
def test_small_letters_of_one_script_are_enough(tmp_path: Path, letters: str) -> None:
    file = made(tmp_path / "some.ttf", letters)
    assert find_faces([tmp_path]) == [Face("Made Regular", (file,))]


def test_two_files_of_one_name_are_one_face(tmp_path: Path) -> None:
    latin = made(tmp_path / "1.ttf", "aehn")
    greek = made(tmp_path / "2.ttf", "aαεην")
    made(tmp_path / "3.ttf", "aehn", family="Other")
    face, other = find_faces([tmp_path])
    assert face.name == "Made Regular"
    assert face.files == (latin, greek)
    assert face.file("a") == latin
    assert face.file("α") == greek
    assert face.file("в") is None
    assert other.file("α") is None


def test_parts_without_small_letters_belong_to_a_face_that_has_some(tmp_path: Path) -> None:
    made(tmp_path / "letters.ttf", "aehn")
    marks = made(tmp_path / "marks.ttf", "!?")
    (face,) = find_faces([tmp_path])
    assert face.file("!") == marks


def test_a_character_nobody_has(tmp_path: Path) -> None:
    file = pillows(tmp_path)
    face = Face("Aileron Regular", (file,))
    assert face.file("g") == file
    for lacking in ("ܐ", "\ue000", " ", "\u00a0"):
        assert face.file(lacking) is None


def test_a_cluster_is_drawn_only_if_all_of_it_is(tmp_path: Path) -> None:
    """A font without the mark draws the letter and, beside it, its sign for what it lacks."""
    without, with_mark = made(tmp_path / "a.ttf", "aehn"), made(tmp_path / "b.ttf", "a\u0325")
    assert Face("Made", (without,)).file("a\u0325") is None
    assert Face("Made", (without, with_mark)).file("a\u0325") == with_mark


def test_font_folders_are_there() -> None:
    folders = font_folders()
    assert all(each.is_dir() for each in folders)
    assert Path(ImageFont.__file__).parent.parent in folders
