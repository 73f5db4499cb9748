"""Readers never stop at a bad item; writers write what the readers and others can read."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageSequence

from charloc import images
from charloc.formats import Item, LocatedWord, Rejected, atomic, box, decode_text, jsonl, printable, transcript
from charloc.formats.jsonl import Jsonl, parse_row, parse_truth
from charloc.formats.pairs import Pairs
from charloc.synth import load_font, render_set, render_word
from charloc.types import CharlocError, SourceWord, TranscriptError

PNG = render_set(1, 0, hard=False)[0].source_word("a.png").image


def write(folder: Path, files: dict[str, bytes | str]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def good(items: list[Item]) -> dict[str, str]:
    return {item.name: item.text for item in items if isinstance(item, SourceWord)}


def bad(items: list[Item]) -> dict[str, str]:
    return {item.name: item.reason for item in items if isinstance(item, Rejected)}


# --- pairs ------------------------------------------------------------------------------------------------------------


def test_pairs_in_folders_below(tmp_path: Path) -> None:
    write(tmp_path, {"b.png": PNG, "b.gt.txt": "zwei\n", "a.JPG": PNG, "a.gt.txt": "\ufeffe\u0301ins\r\n"})
    write(tmp_path, {"page/c.tiff": PNG, "page/c.gt.txt": "un  deux", ".hidden/x.png": PNG, "._b.png": PNG})
    reader = Pairs(tmp_path)
    items = list(reader)
    assert good(items) == {"a.JPG": "éins", "b.png": "zwei", "page/c.tiff": "un deux"}
    assert list(good(items)) == ["a.JPG", "b.png", "page/c.tiff"]
    assert len(reader) == len(items)
    assert all(item.image == PNG and item.boxes is None for item in items if isinstance(item, SourceWord))


def test_pairs_of_derived_images(tmp_path: Path) -> None:
    write(tmp_path, {"1.bin.png": PNG, "1.nrm.png": PNG, "1.gt.txt": "one", "2.bin.png": PNG, "2.gt.txt": "two"})
    write(tmp_path, {"3.bin.png": PNG, "3.bin.gt.txt": "three", "4.png": PNG, "4.bin.png": PNG, "4.gt.txt": "four"})
    items = list(Pairs(tmp_path))
    assert good(items) == {"1.nrm.png": "one", "2.bin.png": "two", "3.bin.png": "three", "4.png": "four"}
    assert set(bad(items)) == {"1.bin.png", "4.bin.png"}
    assert "1.nrm.png is the same word" in bad(items)["1.bin.png"]


def test_pairs_that_are_none(tmp_path: Path) -> None:
    write(tmp_path, {"lone.png": PNG, "typed.png": PNG, "typed.txt": "x", "text.gt.txt": "text", "w.gt.txt": "w"})
    write(tmp_path, {"w.webp": PNG, "latin.png": PNG, "latin.gt.txt": "café".encode("latin-1"), "empty.png": PNG})
    write(tmp_path, {"empty.gt.txt": " \n", "wide.png": PNG, "wide.gt.txt": "wide".encode("utf-16"), "esc.png": PNG})
    write(tmp_path, {"esc.gt.txt": "\x1b[1m", "ok.png": PNG, "ok.gt.txt": "ok"})
    items = list(Pairs(tmp_path))
    assert good(items) == {"ok.png": "ok"}
    reasons = bad(items)
    assert "without a transcript: expected lone.gt.txt" in reasons["lone.png"]
    assert "rename" in reasons["typed.png"]
    assert "without an image: expected text.png" in reasons["text.gt.txt"]
    assert "w.webp is of another format" in reasons["w.gt.txt"]
    assert "not UTF-8" in reasons["latin.png"]
    assert "UTF-16" in reasons["wide.png"]
    assert "empty" in reasons["empty.png"]
    assert "U+001B" in reasons["esc.png"]


def test_pairs_that_vanish_or_cannot_be_read(tmp_path: Path) -> None:
    write(tmp_path, {"a.png": PNG, "a.gt.txt": "a", "b.png": PNG, "b.gt.txt": "b", "big.png": PNG})
    with open(tmp_path / "big.gt.txt", "wb") as file:
        file.truncate(2_000_000)
    reader = Pairs(tmp_path)
    (tmp_path / "a.gt.txt").unlink()
    items = list(reader)
    assert good(items) == {"b.png": "b"}
    assert "cannot be read" in bad(items)["a.png"]
    assert "larger than 1 MB" in bad(items)["big.png"]


@pytest.mark.skipif(os.name == "nt", reason="file names are text there")
def test_file_names_that_are_no_text(tmp_path: Path) -> None:
    stem = os.fsencode(tmp_path) + b"/caf\xe9"
    for suffix, content in ((b".png", PNG), (b".gt.txt", b"caf\xc3\xa9")):
        with open(stem + suffix, "wb") as file:
            file.write(content)
    assert good(list(Pairs(tmp_path))) == {"caf\ufffd.png": "café"}
    assert printable("a\nb\x1b") == "a\ufffdb\ufffd"


# --- words.jsonl ------------------------------------------------------------------------------------------------------


def read(tmp_path: Path, *lines: object) -> list[Item]:
    path = tmp_path / "words.jsonl"
    path.write_bytes(b"\n".join(each if isinstance(each, bytes) else json.dumps(each).encode() for each in lines))
    reader = Jsonl(path)
    items = list(reader)
    assert len(items) == len(reader)
    return items


def test_jsonl(tmp_path: Path) -> None:
    write(tmp_path, {"w/1.png": PNG})
    row = {"image": "w/1.png", "text": "a b", "boxes": [[0, 1, 2.5, 3], None, [3, 1, 4, 3]], "approx": [2], "page": "7"}
    (item, bare, marked) = read(
        tmp_path, row, b"", {"image": "w/1.png", "text": "x"}, b'\xef\xbb\xbf{"image": "w/1.png", "text": "y"}'
    )
    assert item == SourceWord("w/1.png", PNG, "a b", ((0, 1, 2.5, 3), None, (3, 1, 4, 3)), (2,), {"page": "7"})
    assert bare == SourceWord("w/1.png", PNG, "x")
    assert isinstance(marked, SourceWord)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"image": "1.png", "text": "\xff"}', "not UTF-8"),
        (b"[1]", "should hold an object"),
        ({"text": "a"}, '"image" should be a path'),
        ({"image": 3, "text": "a"}, '"image" should be a path'),
        ({"image": "1.png"}, '"text" should be the transcript'),
        ({"image": "1.png", "text": ["a"]}, '"text" should be the transcript'),
        ({"image": "1.png", "text": " "}, "empty"),
        ({"image": "1.png", "text": "a\u0007"}, r"U\+0007"),
        ({"image": "2.png", "text": "a"}, "cannot be read"),
        ({"image": "a\u0000b", "text": "a"}, "cannot be read"),
        ({"image": "../1.png", "text": "a"}, "leads out"),
        ({"image": "/etc/hostname", "text": "a"}, "leads out"),
        ({"image": "1.png", "text": "ab", "boxes": [[0, 0, 1, 1]]}, "1 boxes for the 2 code points"),
        ({"image": "1.png", "text": "a", "boxes": {}}, "list or null"),
        ({"image": "1.png", "text": "a", "boxes": [[0, 0, 1]]}, "box 1 should be"),
        ({"image": "1.png", "text": "a", "boxes": [[0, 0, 1, True]]}, "box 1 should be"),
        ({"image": "1.png", "text": "a", "boxes": [[0, 0, 1, "1"]]}, "box 1 should be"),
        ({"image": "1.png", "text": "a", "boxes": [[2, 0, 1, 1]]}, "turned round"),
        (b'{"image": "1.png", "text": "a", "boxes": [[0, 0, 1, NaN]]}', "NaN is not a number"),
        (b'{"image": "1.png", "text": "a", "boxes": [[0, 0, 1, 1e999]]}', "not finite"),
        (b'{"image": "1.png", "text": "a", "boxes": [[0, 0, 1, 1' + b"0" * 400 + b"]]}", "not finite"),
        ({"image": "1.png", "text": "a", "approx": [1]}, '"approx"'),
        ({"image": "1.png", "text": "a", "approx": 0}, '"approx"'),
        (b'{"image": "1.png", "text": "a", "page": "\\ud800"}', "not JSON"),
    ],
)
def test_jsonl_rejects(tmp_path: Path, line: object, reason: str) -> None:
    write(tmp_path, {"1.png": PNG})
    rejected, last = read(tmp_path, line, {"image": "1.png", "text": "fine"})
    assert isinstance(rejected, Rejected)
    assert isinstance(last, SourceWord)
    assert re.search(reason, rejected.reason)
    assert rejected.name
    assert len(rejected.reason) < 300


def test_boxes_follow_the_normal_form() -> None:
    row = {"text": " e\u0301  a\u200b", "boxes": [None, [1, 2, 3, 4], [1, 0, 2, 1], None, None, [5, 2, 6, 4], None]}
    text, boxes, approx = parse_truth({**row, "approx": [2]})
    assert text == "é a"
    assert boxes == ((1, 0, 3, 4), None, (5, 2, 6, 4))
    assert approx == (0,)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)
boxes_like = st.lists(st.none() | st.lists(st.floats() | st.integers() | json_values, min_size=3, max_size=5))
rows_like = st.fixed_dictionaries(
    {},
    optional={
        "image": st.text(max_size=8) | json_values,
        "text": st.text(max_size=6) | json_values,
        "boxes": boxes_like | json_values,
        "approx": st.lists(st.integers(-2, 8)) | json_values,
    },
)


@given(st.binary(max_size=60) | rows_like.map(lambda row: json.dumps(row).encode()) | json_values.map(json.dumps))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_jsonl_takes_any_line(tmp_path: Path, line: bytes | str) -> None:
    line = line.encode() if isinstance(line, str) else line
    write(tmp_path, {"1.png": PNG})
    *_, last = read(tmp_path, line.replace(b"\n", b" "), {"image": "1.png", "text": "fine"})
    assert isinstance(last, SourceWord)


@given(st.text(st.sampled_from("ae\u0301 \u0308\u00a0\n\u200b\u05d1\u1100\u1161\u11a8q")), st.data())
def test_truth_has_one_box_per_code_point(raw: str, data: st.DataObject) -> None:
    one = st.none() | st.just([0, 0, 1, 1])
    boxes = data.draw(st.lists(one, min_size=len(raw), max_size=len(raw)))
    approx = data.draw(st.lists(st.integers(0, max(len(raw) - 1, 0)), max_size=len(raw)))
    try:
        text, followed, inexact = parse_truth({"text": raw, "boxes": boxes, "approx": approx})
    except CharlocError:
        return
    assert followed is not None
    assert len(followed) == len(text)
    assert all(0 <= i < len(text) for i in inexact)


def test_jsonl_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CharlocError, match="cannot be read"):
        Jsonl(tmp_path / "none.jsonl")


def test_shared_data_reads_whole(shared_data: Path) -> None:
    for name, count in (("irish", 4216), ("lines_greek", 1134), ("rendered_line", 200)):
        reader = Jsonl(shared_data / name / "words.jsonl")
        assert len(reader) == count
        assert not any(isinstance(item, Rejected) for item in reader)


# --- text -------------------------------------------------------------------------------------------------------------


def test_transcript_and_encodings() -> None:
    assert transcript(decode_text(b"\xef\xbb\xbfa\r\n", "x")) == "a"
    with pytest.raises(TranscriptError, match="x is not UTF-8 text: byte 2"):
        decode_text(b"a\xff", "x")
    with pytest.raises(TranscriptError, match="empty"):
        transcript("\ufeff")


# --- writers ----------------------------------------------------------------------------------------------------------


def located(name: str = "w/1.png", text: str = "q\u0303 a") -> LocatedWord:
    return LocatedWord(
        name=name,
        image=PNG,
        media_type="image/png",
        size=images.probe(PNG, "a")[:2],
        characters=("q\u0303", " ", "a"),
        boxes=((1.234, 2.0, 8.4, 9.6), None, (-1.0, 0.0, 1000.0, 1000.0)),
        confidence=(0.51239, 1.0, 0.9),
        states=("pinned", "untouched", "untouched"),
        disagreement=(0.12345, None, 1.0),
        round=3,
        meta={"page": "7", "round": "of another kind", "text": "no"},
    )


def test_jsonl_round_trip(tmp_path: Path) -> None:
    write(tmp_path, {"w/1.png": PNG})
    assert jsonl.write([located(), located()], tmp_path / "words.jsonl") == 2
    row = json.loads((tmp_path / "words.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert row["boxes"][:3] == [[1.23, 2.0, 8.4, 9.6], [1.23, 2.0, 8.4, 9.6], None]
    assert row["confidence"] == [0.5124, 0.5124, 1.0, 0.9]
    assert row["states"] == ["pinned", "pinned", "untouched", "untouched"]
    assert row["disagreement"] == [0.1235, 0.1235, None, 1.0]
    assert (row["round"], row["flagged"], row["page"], row["text"]) == (3, False, "7", "q\u0303 a")
    item = next(iter(Jsonl(tmp_path / "words.jsonl")))
    assert isinstance(item, SourceWord)
    assert item.text == "q\u0303 a"
    assert item.boxes == ((1.23, 2.0, 8.4, 9.6), (1.23, 2.0, 8.4, 9.6), None, (-1.0, 0.0, 1000.0, 1000.0))


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    target.write_text("old", encoding="utf-8")

    def broken() -> Iterator[LocatedWord]:
        yield located()
        raise RuntimeError("on the way")

    with pytest.raises(RuntimeError, match="on the way"):
        jsonl.write(broken(), target)
    assert target.read_text(encoding="utf-8") == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out.jsonl"]
    with pytest.raises(CharlocError, match="could not be written"), atomic(target / "below"):
        pass


def test_box_lines_count_from_the_bottom_left() -> None:
    width, height = located().size
    assert box.lines(located()) == [
        f"q\u0303 1 {height - 10} 8 {height - 2} 0",
        f"a 0 0 {width} {height} 0",
    ]


def test_whole_pixels_are_those_of_the_ink_where_boxes_have_half_a_pixel_of_rim() -> None:
    height = located().size[1]
    for x0 in (2, 3):
        rimmed = replace(located(), characters=("a",), boxes=((x0 - 0.5, 1.5, 8.5, 9.5),))
        assert box.lines(rimmed) == [f"a {x0} {height - 9} 8 {height - 2} 0"]
    point = replace(located(), characters=("a",), boxes=((2.5, 2.5, 3.5, 3.5),))
    assert box.lines(point) == [f"a 3 {height - 4} 4 {height - 3} 0"]


def test_box_of_rendered_truth(tmp_path: Path) -> None:
    pixels, truth = render_word("ad", load_font(None, 40), np.random.default_rng(0))
    height, width = pixels.shape
    boxes = tuple((a, b, c, d) for a, b, c, d in truth.tolist())
    word = LocatedWord("ad.png", b"", "image/png", (width, height), ("a", "d"), boxes, (1, 1), ("", ""))
    for line, edges in zip(box.lines(word, 4), boxes, strict=True):
        _, left, bottom, right, top, page = line.split()
        assert page == "4"
        patch = pixels[height - int(top) : height - int(bottom), int(left) : int(right)]
        assert patch.shape == (edges[3] - edges[1], edges[2] - edges[0])
        assert (patch[0] < 255).any()
        assert (patch[-1] < 255).any()


def test_box_file_and_its_pages(tmp_path: Path) -> None:
    assert box.write_file([located(), located("b.png")], tmp_path / "out.box") == 2
    lines = (tmp_path / "out.box").read_text(encoding="utf-8").splitlines()
    assert [line.split()[-1] for line in lines] == ["0", "0", "1", "1"]
    with Image.open(tmp_path / "out.tif") as book:
        pages = [np.asarray(page) for page in ImageSequence.Iterator(book)]
    assert len(pages) == 2
    np.testing.assert_array_equal(pages[1], images.decode(PNG, "a.png"))
    box.write_file([located()], tmp_path / "out.box")
    (tmp_path / "scan.tif").write_bytes(b"an original")
    with pytest.raises(CharlocError, match="is there already"):
        box.write_file([located()], tmp_path / "scan.box")


def test_box_folder_reads_back_as_pairs(tmp_path: Path) -> None:
    out = tmp_path / "out"
    names = ["w/1.png", "w/1.jpg", "W/1.png", "../../up.png", "/abs.png", "..", "a\\b.png"]
    out.mkdir()
    assert box.write_folder([located(name) for name in names], out) == len(names)
    items = list(Pairs(out))
    assert set(good(items)) == {
        "w/1.png", "w/1-2.png", "W/1-3.png", "up.png", "abs.png", "word.png", "a/b.png"
    }  # fmt: skip
    assert not bad(items)
    assert (out / "w" / "1.box").read_text(encoding="utf-8").splitlines() == box.lines(located())
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    with pytest.raises(CharlocError, match="not empty"):
        box.write_folder([located()], out)
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    with pytest.raises(CharlocError, match="could not be written"):
        box.write_folder([located()], blocked / "out")


def test_nan_never_reaches_a_file(tmp_path: Path) -> None:
    broken = LocatedWord("a", PNG, "image/png", (9, 9), ("a",), (None,), (math.nan,), ("",))
    with pytest.raises(ValueError, match="not JSON compliant"):
        jsonl.write([broken], tmp_path / "out.jsonl")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("line", [b'{"a": 1}', b"{}"])
def test_parse_row_takes_objects(line: bytes) -> None:
    assert parse_row(line) == json.loads(line)
