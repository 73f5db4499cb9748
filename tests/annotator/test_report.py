"""The report: one page that needs nothing else, in which whatever a project holds stays text; the same as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import launch
from annotator.background import LOG
from annotator.report.facts import gather
from annotator.report.markup import Html, join, tag
from annotator.report.plots import curve
from charloc.types import SourceWord
from db import CharacterMark, NewCorrection, Store, StoredSuspicion
from db.team_records import NewOpinion
from tests.projects import TEXTS, add_round, make_project

ODD = "</title></style><script>alert(1)</script><img src=x onerror=alert(1)>\u202e"
VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """What a browser would find: tags with their attributes, text by the tag it stands in; fails where tags cross."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def all_text(self) -> str:
        return " ".join(" ".join(self.text).split())

    def count(self, name: str) -> int:
        return sum(tag == name for tag, _ in self.tags)


def report(project: Path, out: Path) -> Page:
    assert launch.main(["report", "--project", str(project), "--out", str(out), "--quiet"]) == 0
    html = out.read_text("utf-8")
    found = Page(html)
    assert html.startswith("<!DOCTYPE html>") and found.count("script") == 0
    for name, attributes in found.tags:
        assert not any(key.startswith("on") for key in attributes), (name, attributes)
        for key in ("src", "href", "action"):
            assert str(attributes.get(key) or "#").startswith(("#", "data:image/png;base64,")), "nothing is fetched"
    return found


@pytest.fixture
def busy(tmp_path: Path) -> Path:
    """Two rounds, corrections since the last one, suspicious words, two people, and markup wherever text goes."""
    folder = tmp_path / "project"
    with make_project(folder) as store:
        ids = store.word_ids()
        source = SourceWord(f"{ODD}.png", b"no picture", ODD, meta={"source": ODD, "page": ODD})
        store.add_words([(source, 40, 20, "image/png")])
        words = store.words(ids)
        save(store, words[0].id, "first", [("pinned", (0.0, 0.0, 3.0, 3.0)), *[("accepted", None)] * 5])
        add_round_again(store)
        shown = store.proposals(2, ids)
        for word in words[2:6]:
            boxes = shown[word.id].boxes.astype(float)
            boxes[0] += 1000 if word is words[2] else 0
            marks = [("accepted", tuple(box)) for box in boxes.tolist()]
            save(store, word.id, f"since {word.id}", marks, author="ann")
            said = tuple(CharacterMark(state, box) for state, box in marks)  # type: ignore[arg-type]
            store.save_opinion(NewOpinion(word.id, f"again {word.id}", "second", "boxes", said, author=ODD))
        odd = store.word_ids()[-1]
        text = store.words([odd])[0].characters
        store.save_suspicions(
            2, [StoredSuspicion(odd, 0.9, "changed", text, {"changed": 0.9}, text[1:], 3.0),
                StoredSuspicion(ids[8], 0.3, "rare", tuple(TEXTS[8]), {"rare": 0.3})])  # fmt: skip
        store.judge_transcript(ids[9], "right")
    return folder


def add_round_again(store: Store) -> None:
    """A second round, which knows nothing of the word that came later."""
    truth = {word.text: np.array([[4.0 * k, 1, 4 * k + 3, 19] for k in range(len(word.characters))])
             for word in store.words(store.word_ids())}  # fmt: skip
    add_round(store, truth, 0.5, method="segmental")


def save(store: Store, word_id: int, uuid: str, marks: Sequence[tuple[str, object]], author: str = "") -> None:
    said = tuple(CharacterMark(state, box) for state, box in marks)  # type: ignore[arg-type]
    store.save_correction(NewCorrection(word_id, uuid, "boxes", said, author=author))


def test_a_busy_project_s_report(busy: Path, tmp_path: Path) -> None:
    found = report(busy, tmp_path / "report.html")
    text = found.all_text()
    assert "</title></style><script>alert(1)</script>" in text
    assert "<U+202E>" in text and "\u202e" not in text
    assert "on words that people corrected before anything learned from that" in text
    assert "not a random sample" in text and "1 of 4" in text
    assert "1 more were said to be right" in text and "another character fits the ink better" in text
    assert found.count("del") == 1 and found.count("polyline") >= 1
    assert "cannot be read" in text or "not a readable" in text, "a picture that is none is said to be none"
    titles = [attributes["title"] for _, attributes in found.tags if attributes.get("title")]
    assert any("U+0065" in str(title) for title in titles)


def test_the_same_as_json(busy: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    assert launch.main(["report", "--project", str(busy), "--out", str(out), "--quiet"]) == 0
    facts = json.loads(out.read_text("utf-8"), parse_constant=lambda name: pytest.fail(name))
    assert facts["counts"]["words"] == len(TEXTS) + 1 and facts["seen"] == 1
    (error,) = facts["errors"]
    assert error["source"] == "corrections" and error["words"] == 4
    assert (error["words_boxes"]["wrong"], error["words_boxes"]["of"]) == (1, 4)
    assert error["boxes"]["low"] <= error["boxes"]["value"] <= error["boxes"]["high"]
    assert facts["suspicious"][0]["suspicion"]["reason"] == "changed" and facts["suspicious_all"] == 2
    (pair,) = facts["agreed"]
    assert sorted(pair["people"]) == sorted(["ann", ODD])
    assert (pair["boxes"]["words"], pair["boxes"]["iou"]) == (4, 1.0)
    assert facts["uncertain"] and facts["judged_right"] == 1
    assert {each["character"] for each in facts["alphabet"]} == set("".join(TEXTS) + ODD) - {" "}


def test_the_newest_round_that_can_be_judged_is_judged(busy: Path) -> None:
    with Store.open(busy) as store:
        add_round_again(store)
        (error,) = gather(store, busy).errors
    assert error.what.startswith("round 1,") and error.words == 4


def test_an_audit_comes_first(busy: Path, tmp_path: Path) -> None:
    with Store.open(busy) as store:
        ids = store.word_ids()[:3]
        assert gather(store, busy).errors[0].source == "corrections"
        audit = store.begin_audit(1, len(TEXTS), ids)
        for id in ids:
            shown = store.proposals(2, [id])[id].boxes.astype(float).tolist()
            marks = tuple(CharacterMark("accepted", tuple(box)) for box in shown)
            store.save_opinion(NewOpinion(id, f"audit {id}", "audit", "boxes", marks, audit_id=audit.id))
        proposed, exported, by_corrections = gather(store, busy).errors
    assert (proposed.source, exported.source, by_corrections.source) == ("audit", "audit", "corrections")
    assert proposed.words == 3 and proposed.boxes.wrong == 0 and proposed.centres is not None
    text = report(busy, tmp_path / "report.html").all_text()
    assert "As round 1 by itself proposes" in text and "uniform random sample" in text


def test_an_empty_project_says_what_to_do(tmp_path: Path) -> None:
    Store.open(tmp_path / "empty", create=True).close()
    text = report(tmp_path / "empty", tmp_path / "report.html").all_text()
    for hint in ("launch.py import", "launch.py train", "launch.py review suspicious", "No word has been read by two"):
        assert hint in text
    assert launch.main(["report", "--project", str(tmp_path / "empty"), "--json", str(tmp_path / "r.json")]) == 0
    facts = json.loads((tmp_path / "r.json").read_text())
    assert facts["counts"]["words"] == 0 and facts["errors"] == [] and facts["suspicious_all"] is None


def test_where_it_cannot_be_written_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Store.open(tmp_path, create=True).close()
    assert launch.main(["report", "--project", str(tmp_path)]) == 1
    assert "Say where" in capsys.readouterr().err
    assert launch.main(["report", "--project", str(tmp_path), "--out", str(tmp_path / "no" / "report.html")]) == 1
    assert "folder that exists" in capsys.readouterr().err
    assert not (tmp_path / LOG).exists()


@given(st.text(max_size=30), st.text(max_size=30))
def test_text_never_becomes_markup(inside: str, attribute: str) -> None:
    made = tag("p", inside, tag("b", inside), None, title=attribute, lang=None)
    found = Page(made)
    assert [name for name, _ in found.tags] == ["p", "b"]
    assert isinstance(made, Html) and join(inside, 1) == join(inside) + "1"


def test_curves_with_few_numbers_and_equal_ones() -> None:
    assert "No numbers yet" in curve("Wrong", " %", [], [])
    assert "round 3: 2 %" in curve("Wrong", " %", [1, 3], [None, 2.0])
    flat = curve("Wrong", "", [0, 1, 2], [0.0, 0.0, 0.0])
    assert "nan" not in flat and flat.count("<circle") == 3
