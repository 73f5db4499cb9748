"""A warm start: what ships, whom it serves, and how one's own is made."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from charloc import checkpoint as on_disk
from charloc import pretrained
from charloc.methods import Checkpoint, make
from charloc.methods.segmental import Segmental
from charloc.metrics import scores, word_errors
from charloc.pretrained import making
from charloc.pretraining import Effort
from charloc.synth import Degradation, load_font, render, render_set
from charloc.text import Charset, characters
from charloc.types import CharlocError, CheckpointError, Localization, Pin, WordImage
from tests.small_rounds import odd_words, simple_words, small_batches

LETTERS = "Solitary fen"
MOST_BYTES = 3_000_000
BOX = (2.0, 3.0, 14.0, 22.0)


def fonts() -> Path:
    """A folder of fonts that is there wherever these tests run."""
    spec = find_spec("matplotlib")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a checkpoint that has hardly learned anything, with all that belongs to one."""
    out = tmp_path_factory.mktemp("pretrained") / "tiny"
    with pytest.MonkeyPatch.context() as patch:
        small_batches(patch)
        patch.setattr(making, "LEAST_HELD_OUT", 8)
        what = making.plan(characters(LETTERS), [fonts()])
        making.make(out, what, Effort(4, 3), words=24, command="launch.py pretrain")
    return out


@pytest.fixture
def ships(made: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """As if that had come with the package."""
    monkeypatch.setattr(pretrained, "FOLDER", made)
    pretrained.shipped.cache_clear()
    yield made
    pretrained.shipped.cache_clear()


@pytest.fixture
def nothing_ships(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path / "nothing")
    pretrained.shipped.cache_clear()
    yield
    pretrained.shipped.cache_clear()


@pytest.fixture(scope="module")
def words() -> list[WordImage]:
    """Words of letters that the checkpoint knows, but for the second and the fourth."""
    rendered = simple_words("Soli", 6)
    texts = [tuple(each.text) for each in rendered]
    texts[1], texts[3] = (tuple("ωδ" * 9)[: len(texts[i])] for i in (1, 3))
    return [WordImage(i, f"{i}", each.pixels, texts[i]) for i, each in enumerate(rendered)]


def same(one: Sequence[Localization], other: Sequence[Localization]) -> bool:
    return all(
        np.array_equal(a.boxes, b.boxes, equal_nan=True) and np.array_equal(a.confidence, b.confidence)
        for a, b in zip(one, other, strict=True)
    )


# --- what ships -------------------------------------------------------------------------------------------------------


def test_what_really_ships_is_small_says_how_it_was_made_and_fits() -> None:
    assert sum(each.stat().st_size for each in pretrained.FOLDER.iterdir()) < MOST_BYTES
    made_from = on_disk.made_from(pretrained.FOLDER)
    assert str(made_from["command"]).startswith("launch.py pretrain ")
    assert made_from["fonts"] and isinstance(made_from["seed"], int)
    learned = pretrained.shipped()
    assert learned is not None
    method = make(str(learned.settings["method"]), learned)
    word = simple_words("Soli", 1)[0].word(0)
    assert len(method.e_step([word], [()])[0].boxes) == len(word.characters)
    for text in ("ḋéanaṁ", "Straße", "Œuvre, naïve?", "1897"):
        assert pretrained.knows(learned, [WordImage(0, text, word.pixels, characters(text))])


def test_what_ships_is_read_once(ships: Path) -> None:
    learned = pretrained.shipped()
    assert learned is not None and learned is pretrained.shipped()
    assert learned.settings["method"] == "segmental"


@pytest.mark.usefixtures("nothing_ships")
def test_a_build_without_one_has_none(words: list[WordImage]) -> None:
    assert pretrained.shipped() is None
    assert pretrained.start_of("segmental", words) is None
    found = make("pretrained").e_step(words, [()] * len(words))
    assert same(found, make("guess").e_step(words, [()] * len(words)))
    assert {each.method for each in found} == {"guess"}


def test_half_of_what_is_written_makes_an_alphabet_known() -> None:
    def word(text: str) -> WordImage:
        return WordImage(0, text, np.zeros((1, 1), np.uint8), characters(text))

    learned = Checkpoint({}, {"method": "segmental", "charset": '["a", "b", "é"]'})
    for texts, known in ((["ab"], True), (["ac"], True), (["ac", "c"], False), (["a c d", "be\u0301"], True),
                         (["c"] * 5000, False), (["a", "c"] * 2500, True), (["  ", ""], True), ([], True)):  # fmt: skip
        assert pretrained.knows(learned, [word(text) for text in texts]) is known, texts[:2]


@pytest.mark.usefixtures("ships")
def test_only_the_method_that_learned_it_goes_on_from_it(words: list[WordImage]) -> None:
    assert pretrained.start_of("segmental", words) is pretrained.shipped()
    for other in ("guess", "ctc", "xy"):
        assert pretrained.start_of(other, words) is None


@pytest.mark.usefixtures("ships")
def test_of_letters_it_does_not_know_what_it_knows_of_ink_is_left(words: list[WordImage]) -> None:
    start = pretrained.start_of("segmental", [words[1], words[3]])
    shipped = pretrained.shipped()
    assert start is not None and shipped is not None
    assert {*start.tensors} == {name for name in shipped.tensors if name.startswith("ink.")} != set()
    with pytest.raises(CheckpointError, match="learned nothing"):
        make("segmental", start).e_step(words, [()] * len(words))
    method = Segmental(start)
    assert method.calibration is None
    assert method.ink is not None and method.rounds == 0 and len(method.charset) == 1
    assert not method.warm and not method.knows_spans and method.taught == 0


def test_what_really_ships_beats_the_guess_on_dirty_words_in_a_font_it_has_not_seen() -> None:
    rendered = render_set(60, 5, hard=True)
    words, nobody = [each.word(i) for i, each in enumerate(rendered)], [()] * 60
    better, guessed = (
        scores(word_errors(a.boxes, b.boxes) for a, b in zip(rendered, make(name).e_step(words, nobody), strict=True))
        for name in ("pretrained", "guess")
    )
    assert better.r50 > 0.97 and better.word50 > 0.9
    assert better.r50 > guessed.r50 and better.word50 > guessed.word50


@pytest.mark.parametrize(("size_px", "margin_px"), [(24, 120), (90, 60)])
def test_what_really_ships_goes_by_the_letters_and_not_by_the_paper_around_them(size_px: int, margin_px: int) -> None:
    rng = np.random.default_rng(1)
    shape = Degradation(noise=0.03, paper=0.9, contrast=0.7, margins_px=(9, margin_px, 9, margin_px))
    rendered = [render(text, load_font(None, size_px), rng, shape) for text in ("harbour", "sample", "flint", "Queen")]
    found = make("pretrained").e_step([each.word(i) for i, each in enumerate(rendered)], [()] * 4)
    figures = scores(word_errors(a.boxes, b.boxes) for a, b in zip(rendered, found, strict=True))
    assert figures.r50 == 1 and figures.r75 > 0.9


# --- the method -------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("ships")
def test_what_is_not_known_is_guessed_word_by_word(words: list[WordImage], caplog: pytest.LogCaptureFixture) -> None:
    reports: list[tuple[str, int, int]] = []
    pins = [(Pin(0, BOX),)] * 2 + [()] * 4
    with caplog.at_level(logging.INFO, "charloc.methods.pretrained"):
        found = make("pretrained").e_step(words, pins, lambda *report: reports.append(report))
    assert [each.method for each in found] == [["pretrained", "guess"][i in (1, 3)] for i in range(6)]
    assert [each.message for each in caplog.records] == [
        "2 of 6 words are in letters that nothing pretrained knows: guessed."
    ]
    assert reports == [("localize", 0, 6), ("localize", 6, 6)]
    assert found[0].boxes[0].tolist() == found[1].boxes[0].tolist() == list(BOX)
    assert found[0].confidence[0] == 1
    assert same([found[3]], make("guess").e_step([words[3]], [()]))
    by_net = make("segmental", pretrained.shipped())
    read = [0, 2, 4, 5]
    assert same([found[i] for i in read], by_net.e_step([words[i] for i in read], [pins[i] for i in read]))


@pytest.mark.usefixtures("ships")
def test_words_one_by_one_are_as_all_together(words: list[WordImage], monkeypatch: pytest.MonkeyPatch) -> None:
    method = make("pretrained")
    monkeypatch.setattr("charloc.methods.pretrained.CHUNK", 2)
    together = method.e_step(words, [()] * 6)
    for i, word in enumerate(words):
        np.testing.assert_allclose(together[i].boxes, method.e_step([word], [()])[0].boxes, atol=0.01)
    assert method.e_step([], []) == []


@pytest.mark.usefixtures("ships")
def test_words_that_fit_nothing(words: list[WordImage]) -> None:
    odd = [each for each in odd_words(words[0]) if each.name != "crowded"]  # as sure as what it learned
    found = make("pretrained").e_step(odd, [()] * len(odd))
    assert [len(each.boxes) for each in found] == [len(each.characters) for each in odd]
    assert all(np.isfinite(each.confidence).all() for each in found)


def test_another_checkpoint_may_be_named(
    words: list[WordImage], made: Path, tmp_path: Path, nothing_ships: None
) -> None:
    method = make("pretrained", None, start=str(made))
    assert [each.method for each in method.e_step(words[:2], [(), ()])] == ["pretrained", "guess"]
    with pytest.raises(CheckpointError, match="no checkpoint in"):
        make("pretrained", None, start=str(tmp_path)).e_step(words, [()] * 6)


def test_it_learns_nothing(words: list[WordImage]) -> None:
    method = make("pretrained")
    assert not method.learns and method.honours_pins
    assert method.checkpoint() == Checkpoint({}, {"method": "pretrained"})


# --- one's own --------------------------------------------------------------------------------------------------------


def test_a_checkpoint_says_what_it_was_made_from(made: Path) -> None:
    made_from = on_disk.made_from(made)
    assert made_from["command"] == "launch.py pretrain"
    assert (made_from["seed"], made_from["words"], made_from["steps"]) == (3, 24, 4)
    assert "DejaVu Sans Bold" in made_from["fonts"]  # type: ignore[operator]
    assert sorted(each.name for each in made.iterdir()) == [on_disk.RECORD, on_disk.TENSORS]
    learned = on_disk.read(made)
    kinds = {each.dtype.str for each in learned.tensors.values()}
    assert kinds == {"<f2", "<i8"} and all(np.isfinite(each).all() for each in learned.tensors.values())
    assert set(Charset.from_json(str(learned.settings["charset"])).symbols) <= set(LETTERS) - {" "}


def test_typefaces_are_named_once_for_all_steps_that_learned_from_them() -> None:
    first: dict[str, object] = {"command": "first", "fonts": ["A", "B"]}
    made: dict[str, object] = first
    for command, fonts in (("second", ["A", "C"]), ("third", ["A", "C"]), ("fourth", ["D"]), ("fifth", ["D"])):
        made = {"command": command, "fonts": fonts, "start": making._before(made, fonts)}
    assert made == {
        "command": "fifth", "fonts": ["D"],
        "start": {"command": "fourth", "start": {
            "command": "third", "fonts": ["A", "C"], "start": {"command": "second", "start": first},
        }},
    }  # fmt: skip
    assert making.fonts_of(made) == set("ABCD")
    assert making.fonts_of({}) == set()


def test_letters_of_a_text_or_of_a_file(tmp_path: Path) -> None:
    assert making.letters("be\u0301be") == {"b", "e", "é"}
    (tmp_path / "page.txt").write_text("ab\ncd e\n", "utf-8")
    assert making.letters(str(tmp_path / "page.txt")) == set("abcde ")
    assert making.letters("x" * 5000) == {"x"}
    assert making.letters("") == set()
    (tmp_path / "page.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(CharlocError, match="not a UTF-8 text"):
        making.letters(str(tmp_path / "page.txt"))


def test_a_plan_names_fonts_and_what_they_lack(tmp_path: Path) -> None:
    what = making.plan("abcdefghijk ཀ", [fonts()])
    assert what.alphabet == tuple("abcdefghijk") and what.lacking == ("ཀ",)
    assert "DejaVu Serif Book" in [face.name for face in what.faces]
    assert len(making.plan((), [fonts()]).alphabet) > 300, "Latin, if nothing is asked for"
    for wanted, folder, message in (
        ("abc", fonts(), "3 different characters are too few"),
        ("abcdefghijk", tmp_path, "No font draws 10 of the 11"),
        ("ཀཁགངཅཆཇཉཏཐད", fonts(), "No font draws 10 of the 11"),
        ("abcdefghijk", tmp_path / "none", "no folder"),
    ):
        with pytest.raises(CharlocError, match=message):
            making.plan(wanted, [folder])


def test_nothing_else_is_overwritten(made: Path, tmp_path: Path) -> None:
    making.check_free(tmp_path / "new")
    making.check_free(made)
    making.check_free(tmp_path)
    (tmp_path / "mine.txt").write_text("dear")
    for out, message in ((tmp_path, r"holds other things \(mine.txt"), (tmp_path / "mine.txt", "is a file")):
        with pytest.raises(CharlocError, match=message):
            making.check_free(out)
