"""Importing: what is sound goes in once, what is not is reported, and the demo is made once."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from annotator.demo import demo_project, demo_words
from annotator.importer import ImportReport, import_path
from charloc.formats import Rejected
from charloc.synth import render_set
from charloc.types import CharlocError
from db import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "project", create=True) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Eight words as pairs, in two folders."""
    words = tmp_path / "words"
    for k, rendered in enumerate(render_set(8, 1, hard=False)):
        page = words / f"page{k % 2}"
        page.mkdir(parents=True, exist_ok=True)
        (page / f"{k}.png").write_bytes(rendered.source_word("").image)
        (page / f"{k}.gt.txt").write_text(rendered.text + "\n", encoding="utf-8")
    return words


def encoded(size: tuple[int, int], format: str = "PNG", mode: str = "L") -> bytes:
    data = io.BytesIO()
    Image.new(mode, size, 1).save(data, format)
    return data.getvalue()


def test_import_adds_what_is_new(store: Store, folder: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    report = import_path(store, folder, lambda *step: seen.append(step))
    assert report == ImportReport(added=8, already=0, rejected=())
    assert (seen[0], seen[-1]) == (("import", 0, 8), ("import", 8, 8))
    assert [word.name for word in store.words(store.word_ids())][:2] == ["page0/0.png", "page0/2.png"]
    assert import_path(store, folder) == ImportReport(added=0, already=8, rejected=())
    (folder / "page0" / "0.gt.txt").write_text("corrected", encoding="utf-8")
    (folder / "page1" / "1.png").rename(folder / "page1" / "moved.png")
    (folder / "page1" / "1.gt.txt").rename(folder / "page1" / "moved.gt.txt")
    assert import_path(store, folder) == ImportReport(added=1, already=7, rejected=())
    assert store.word_count() == 9


def test_bad_items_are_listed_and_the_rest_goes_in(store: Store, folder: Path) -> None:
    sound = (folder / "page0" / "0.png").read_bytes()
    bad: dict[str, tuple[bytes | None, bytes | None, str]] = {
        "truncated": (sound[: len(sound) // 2], b"x", "damaged"),
        "noimage": (None, b"x", "without an image"),
        "notext": (sound, None, "without a transcript"),
        "empty": (sound, b"\n", "empty"),
        "latin1": (sound, b"caf\xe9", "UTF-8"),
        "control": (sound, b"a\x00b", r"U+0000"),
        "textfile": (b"hello", b"x", "not a readable PNG"),
        "nothing": (b"", b"x", "the file is empty"),
        "gif": (encoded((5, 5), "GIF"), b"x", "not a readable PNG"),
        "large": (encoded((8001, 5000), mode="1"), b"x", "40 Mpx"),
        "narrow": (encoded((3, 30)), b"four", "4 characters in an image 3 px wide"),
    }
    for name, (image, text, _) in bad.items():
        if image is not None:
            (folder / f"{name}.png").write_bytes(image)
        if text is not None:
            (folder / f"{name}.gt.txt").write_bytes(text)
    report = import_path(store, folder)
    assert report.added == store.word_count() == 8
    reasons = {each.name.split(".")[0]: each.reason for each in report.rejected}
    assert set(reasons) == set(bad)
    for name, (_, _, reason) in bad.items():
        assert reason in reasons[name]
        assert not reasons[name].startswith(name + ".png: ")


def test_jsonl_with_reference_boxes(store: Store, folder: Path) -> None:
    rendered = render_set(2, 9, hard=True)
    rows = []
    for k, each in enumerate(rendered):
        source = each.source_word(f"{k}.png")
        (folder / source.name).write_bytes(source.image)
        rows.append({"image": source.name, "text": source.text, "boxes": source.boxes, "page": k})
    lines = [*map(json.dumps, rows), "{broken"]
    (folder / "words.jsonl").write_text("\n".join(lines), encoding="utf-8")
    report = import_path(store, folder)  # words.jsonl is preferred to the pairs beside it
    assert (report.added, [each.name for each in report.rejected]) == (2, ["words.jsonl:3"])
    assert import_path(store, folder / "words.jsonl").already == 2
    ids = store.word_ids()
    assert [word.meta for word in store.words(ids)] == [{"page": 0}, {"page": 1}]
    for each, id in zip(rendered, ids, strict=True):
        assert store.reference([id])[id].boxes == each.source_word("").boxes


def test_a_progress_that_raises_stops_the_import(store: Store, folder: Path) -> None:
    def stop(phase: str, done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_path(store, folder, stop)
    import_path(store, folder)
    assert store.word_count() == 8


def test_nothing_to_import(store: Store, tmp_path: Path) -> None:
    with pytest.raises(CharlocError, match="no such file or folder"):
        import_path(store, tmp_path / "none")
    (tmp_path / "bare").mkdir()
    with pytest.raises(CharlocError, match="nothing to import"):
        import_path(store, tmp_path / "bare")
    (tmp_path / "page.xml").write_text("<x/>", encoding="utf-8")
    with pytest.raises(CharlocError, match=r"page\.xml: cannot be imported"):
        import_path(store, tmp_path / "page.xml")


def test_report_is_safe_in_a_spreadsheet(tmp_path: Path) -> None:
    report = ImportReport(1, 0, (Rejected("=HYPERLINK(1)", "a\tb\nc"), Rejected("b.png", "-1 boxes")))
    report.write(tmp_path / "report.tsv")
    rows = (tmp_path / "report.tsv").read_text(encoding="utf-8").splitlines()
    assert rows == ["name\treason", "'=HYPERLINK(1)\ta b c", "b.png\t'-1 boxes"]
    report.write(tmp_path / "report.jsonl")
    first, _ = map(json.loads, (tmp_path / "report.jsonl").read_text(encoding="utf-8").splitlines())
    assert first == {"name": "=HYPERLINK(1)", "reason": "a\tb\nc"}


def test_shared_data_goes_in_whole(store: Store, shared_data: Path) -> None:
    report = import_path(store, shared_data / "irish")
    assert (report.added, report.already, report.rejected) == (4216, 0, ())
    assert import_path(store, shared_data / "irish").already == 4216


def test_demo_is_made_once(tmp_path: Path) -> None:
    demo_project(tmp_path / "demo")
    with Store.open(tmp_path / "demo") as store:
        ids = store.word_ids()
        names = [word.name for word in store.words(ids)]
        assert 50 <= len(names) == len(set(names))
        assert store.seen_round() is None
        assert len(store.reference(ids)) == len(ids)
    demo_project(tmp_path / "demo")
    with Store.open(tmp_path / "demo") as store:
        assert store.word_ids() == ids
    assert [word.image for word in demo_words()] == [word.image for word in demo_words()]
