"""Exporting: the newest round with everything people said laid over it, in files that others read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest

from annotator.exporter import ExportReport, export
from annotator.importer import import_items
from charloc.formats.jsonl import Jsonl
from charloc.formats.pairs import Pairs
from charloc.metrics import scores, word_errors
from charloc.synth import load_font, render, render_set
from charloc.types import CharlocError, Localization, SourceWord
from db import CharacterMark, NewCorrection, RoundStats, Store

STATS = RoundStats(words=4, seconds=1.0, words_per_s=4.0, log_likelihood=-1.0, moved=0)


def rendered_words() -> list[SourceWord]:
    """Three words, and a line of two words that has a space and a character of two code points."""
    words = [each.source_word(f"w/{k}.png") for k, each in enumerate(render_set(3, 4, hard=False))]
    return [*words, render("no m\u0304e", load_font(None, 40), np.random.default_rng(0)).source_word("w/3.png")]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "project", create=True) as opened:
        words = rendered_words()
        import_items(opened, words, len(words))
        yield opened


def finish_round(store: Store, shift: float, leave_out: int = 0, apart: float | None = None) -> None:
    """A round that proposes boxes shifted to the right by so many pixels, for all words but the last few.

    Other methods disagree with all of it, `apart`; None: nobody knows.
    """
    seen = store.seen_round()
    begun = store.begin_round("guess", parent_id=seen.id if seen else None, settings={}, pid=os.getpid())
    proposals = []
    for word in store.words(store.word_ids()[: -leave_out or None]):
        boxes = np.full((len(word.characters), 4), np.nan, np.float32)
        for i, character in enumerate(word.characters):
            if character != " ":
                boxes[i] = 10 * i + shift, 2, 10 * i + 8 + shift, 20
        confidence = np.full(len(boxes), 0.75, np.float32)
        proposals.append((word.id, Localization(boxes, confidence, -1.0, "guess"), 0.5))
    known = {} if apart is None else {id: np.where(np.isnan(each.boxes[:, 0]), np.nan, apart).astype(np.float32)
                                      for id, each, _ in proposals}  # fmt: skip
    store.finish_round(begun.id, proposals, STATS, None, known)


def correct(store: Store, word_id: int, kind: str, marks: tuple[CharacterMark, ...] = ()) -> None:
    in_force = store.corrections_in_force([word_id]).get(word_id)
    new = NewCorrection(word_id, str(uuid4()), kind, marks, base_id=in_force.id if in_force else None)  # type: ignore[arg-type]
    store.save_correction(new)


def rows(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_jsonl_of_the_seen_round(store: Store, tmp_path: Path) -> None:
    finish_round(store, 0)
    finish_round(store, 1, leave_out=1)
    assert export(store, "jsonl", tmp_path / "out.jsonl") == ExportReport(words=4, left_out=0, round=1)
    first, *_, last = rows(tmp_path / "out.jsonl")
    assert first["image"] == "w/0.png"
    assert first["round"] == 1
    assert first["flagged"] is False
    assert first["boxes"] == [[10 * i + 1, 2, 10 * i + 9, 20] for i in range(len(str(first["text"])))]
    assert set(first["states"]) == {"untouched"}  # type: ignore[call-overload]
    # The newest round did not see the last word.
    assert last["text"] == "no m\u0304e"
    assert last["boxes"] == [None] * 6
    assert last["round"] is None


def test_corrections_are_laid_over_it(store: Store, tmp_path: Path) -> None:
    finish_round(store, 0)
    *_, flagged, line = store.word_ids()
    pinned = CharacterMark("pinned", (1.5, 2.5, 3.5, 4.5))
    untouched = CharacterMark("untouched", None)
    accepted = CharacterMark("accepted", (30.0, 2.0, 38.0, 20.0))
    correct(store, line, "boxes", (pinned, untouched, CharacterMark("accepted"), accepted, CharacterMark("invisible")))
    correct(store, flagged, "flag")
    finish_round(store, 5, apart=0.25)
    export(store, "jsonl", tmp_path / "out.jsonl")
    *_, second, last = rows(tmp_path / "out.jsonl")
    assert second["flagged"] is True
    assert last["boxes"] == [
        [1.5, 2.5, 3.5, 4.5], [15, 2, 23, 20], None, [30, 2, 38, 20], [30, 2, 38, 20], None
    ]  # fmt: skip
    assert last["states"] == ["pinned", "untouched", "accepted", "accepted", "accepted", "invisible"]
    assert last["confidence"] == [1, 0.75, 1, 1, 1, 1]
    assert last["disagreement"] == [0, 0.25, None, 0, 0, None]
    assert set(second["disagreement"]) == {0.25}  # type: ignore[call-overload]
    correct(store, line, "clear")
    finish_round(store, 5)
    export(store, "jsonl", tmp_path / "out.jsonl")
    assert set(rows(tmp_path / "out.jsonl")[-1]["disagreement"]) == {None}  # type: ignore[call-overload]
    assert rows(tmp_path / "out.jsonl")[-1]["states"] == ["untouched"] * 6


def test_box_file_and_folder(store: Store, tmp_path: Path) -> None:
    finish_round(store, 0, leave_out=1)
    correct(store, store.word_ids()[0], "flag")
    assert export(store, "box", tmp_path / "boxes") == ExportReport(words=2, left_out=2, round=0)
    items = list(Pairs(tmp_path / "boxes"))
    originals = {word.name: word for word in rendered_words()}
    for item in items:
        assert isinstance(item, SourceWord)
        assert item.image == originals[item.name].image
        assert item.text == originals[item.name].text
    word = store.words(store.word_ids())[1]
    lines = (tmp_path / "boxes" / "w" / "1.box").read_text(encoding="utf-8").splitlines()
    assert lines[0] == f"{word.characters[0]} 0 {word.height - 20} 8 {word.height - 2} 0"
    assert export(store, "box", tmp_path / "all.box").words == 2
    pages = {line.split()[-1] for line in (tmp_path / "all.box").read_text(encoding="utf-8").splitlines()}
    assert pages == {"0", "1"}
    assert (tmp_path / "all.tif").is_file()


def test_nothing_to_export(store: Store, tmp_path: Path) -> None:
    with pytest.raises(CharlocError, match="Nothing has been located"):
        export(store, "jsonl", tmp_path / "out.jsonl")
    with pytest.raises(CharlocError, match="no format 'xml'"):
        export(store, "xml", tmp_path / "out.xml")
    with Store.open(tmp_path / "empty", create=True) as empty, pytest.raises(CharlocError, match="no words"):
        export(empty, "jsonl", tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()


def test_what_is_exported_can_be_imported_elsewhere(store: Store, tmp_path: Path) -> None:
    finish_round(store, 0)
    out = tmp_path / "box"
    export(store, "box", out)
    export(store, "jsonl", out / "words.jsonl")
    items = list(Jsonl(out / "words.jsonl"))
    assert [item.text for item in items if isinstance(item, SourceWord)] == [word.text for word in rendered_words()]


def test_the_reference_scorer_reads_it(store: Store, score_script: Path, tmp_path: Path) -> None:
    finish_round(store, 2)
    export(store, "jsonl", tmp_path / "out.jsonl")
    truth = rendered_words()
    lines = [json.dumps({"image": word.name, "text": word.text, "boxes": word.boxes}) for word in truth]
    (tmp_path / "words.jsonl").write_text("\n".join(lines), encoding="utf-8")
    command = [sys.executable, str(score_script), str(tmp_path / "words.jsonl"), str(tmp_path / "out.jsonl")]
    result = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    found = [row["boxes"] for row in rows(tmp_path / "out.jsonl")]
    ours = scores([word_errors(word.boxes or (), boxes) for word, boxes in zip(truth, found, strict=True)])  # type: ignore[arg-type]
    assert result == ours.rounded()
    assert result["cover"] == 1


def test_a_corrected_transcript_is_what_is_written(store: Store, tmp_path: Path) -> None:
    finish_round(store, 0.0)
    word = store.word_ids()[0]
    marks = (CharacterMark("pinned", (1.0, 2.0, 9.0, 20.0)), CharacterMark("untouched"))
    store.save_correction(NewCorrection(word, str(uuid4()), "boxes", marks, text=("q", "u")))
    export(store, "jsonl", tmp_path / "out.jsonl")
    row = json.loads((tmp_path / "out.jsonl").read_text().splitlines()[0])
    assert (row["text"], row["boxes"], row["states"]) == ("qu", [[1.0, 2.0, 9.0, 20.0], None], ["pinned", "untouched"])
