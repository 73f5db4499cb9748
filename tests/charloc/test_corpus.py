"""Words to learn from before there are any: the same each time, true to their boxes, of the alphabet alone."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageFont

from charloc import corpus
from charloc.corpus import CHUNK, FEWEST, LATIN, random_text, render_corpus
from charloc.faces import Face
from charloc.synth import INK, Rendered
from charloc.text import characters
from charloc.types import CharlocError

ALPHABET = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,;!?-'"


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> list[Face]:
    """Pillow's own font, there wherever these tests run."""
    file = tmp_path_factory.mktemp("fonts") / "aileron.ttf"
    file.write_bytes(ImageFont.load_default(24).path.getvalue())
    return [Face("Aileron Regular", (file,))]


@pytest.fixture(scope="module")
def rendered(faces: list[Face]) -> list[Rendered]:
    return render_corpus(ALPHABET, faces, CHUNK + 20, seed=3, workers=1)


def same(once: Rendered, again: Rendered) -> bool:
    return once.text == again.text and all(
        np.array_equal(getattr(once, name), getattr(again, name), equal_nan=name == "boxes")
        for name in ("pixels", "boxes", "ink")
    )


# --- words ------------------------------------------------------------------------------------------------------------


def test_the_same_arguments_give_the_same_words(rendered: list[Rendered], faces: list[Face]) -> None:
    """However many processes render; and another seed gives others."""
    assert len(rendered) == CHUNK + 20
    for start, seed, is_same in ((0, 3, True), (0, 4, False)):
        again = corpus._render(characters(ALPHABET), tuple(faces), seed, start)
        ours = rendered[start : start + CHUNK]
        assert [same(*pair) for pair in zip(ours, again, strict=False)] == [is_same] * len(ours)
    assert not any(same(a, b) for a, b in zip(rendered, rendered[CHUNK:], strict=False))


def test_every_box_holds_ink_of_its_word(rendered: list[Rendered]) -> None:
    spaces = 0
    for each in rendered:
        height, width = each.pixels.shape
        assert each.ink.shape == each.pixels.shape
        assert each.ink.dtype == each.pixels.dtype == np.uint8
        assert len(each.boxes) == len(characters(each.text))
        covered = each.ink >= 255 * INK
        boxed = np.zeros_like(covered)
        for character, box in zip(characters(each.text), each.boxes, strict=True):
            if character == " ":
                spaces += 1
                assert np.isnan(box).all()
                continue
            x0, y0, x1, y1 = box.astype(int).tolist()
            assert 0 <= x0 < x1 <= width
            assert 0 <= y0 < y1 <= height
            boxed[y0:y1, x0:x1] = True
            within = covered[y0:y1, x0:x1]
            # Tight on its own character; neighbours may only add.
            assert within[0].any() and within[-1].any() and within[:, 0].any() and within[:, -1].any()
        # Two characters may cover a pixel by that much together, and only just.
        assert (covered & ~boxed).sum() <= 0.01 * covered.sum()
    assert spaces


def test_characters_are_of_the_alphabet_and_drawn_by_a_face() -> None:
    """The ones that no face has do not occur, nor do accents that would make another character of the one before."""
    spec = find_spec("matplotlib")
    assert spec is not None and spec.origin is not None
    dejavu = Path(spec.origin).with_name("mpl-data") / "fonts" / "ttf" / "DejaVuSans.ttf"
    alphabet = (*"abcdefghij", "x\u0302", "\ue000", "\u0301")
    made = corpus._render(alphabet, (Face("DejaVu Sans Book", (dejavu,)),), 0, 0)
    occurring = {character for each in made for character in characters(each.text)}
    assert occurring >= {*"abcdefghij", "x\u0302"}
    assert occurring <= {*alphabet, " "} - {"\ue000"}


def test_both_clean_print_and_bad_scans_occur(rendered: list[Rendered]) -> None:
    def flat(each: Rendered) -> bool:
        return bool((each.pixels == np.median(each.pixels)).mean() > 0.5)

    assert 0.1 < np.mean([flat(each) for each in rendered]) < 0.6
    heights = [each.boxes[0, 3] - each.boxes[0, 1] for each in rendered]
    assert max(heights) > 2.5 * min(heights)
    # Some show dark pixels that are not their word's: neighbouring lines, rules, specks.
    strange = [((each.pixels < 60) & (each.ink == 0)).sum() > 10 for each in rendered if flat(each)]
    assert any(strange)
    assert not all(strange)


def test_a_jpeg_looks_nearly_the_same() -> None:
    pixels = np.full((20, 30), 230, np.uint8)
    pixels[5:15, 8:12] = 20
    poor, good = (corpus._compressed(pixels, quality) for quality in (20, 90))
    assert poor.shape == pixels.shape and poor.dtype == np.uint8
    off = [np.abs(each.astype(int) - pixels).mean() for each in (poor, good)]
    assert off[0] > off[1] > 0
    assert off[0] < 12
    poor[0, 0] = 1  # it is ours to write to


# --- nothing to render with -------------------------------------------------------------------------------------------


def test_without_faces_there_are_no_words() -> None:
    with pytest.raises(CharlocError, match="no font"):
        render_corpus(ALPHABET, [], 10, 0)


def test_too_few_characters_are_refused(faces: list[Face]) -> None:
    few = "abcdefghijkl"[: FEWEST - 1]
    for alphabet in ("", few, few + "ܐܒܓܕܗ"):
        with pytest.raises(CharlocError, match="too few"):
            render_corpus(alphabet, faces, 10, 0)


def test_whoever_stops_it_need_not_wait_for_the_rest(faces: list[Face]) -> None:
    def stop(phase: str, done: int, total: int) -> None:
        assert (phase, done, total) == ("render", 0, 500 * CHUNK)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render_corpus(ALPHABET, faces, 500 * CHUNK, 0, stop, workers=1)


# --- texts ------------------------------------------------------------------------------------------------------------


@settings(max_examples=100)
@given(
    st.one_of(
        st.lists(st.sampled_from(LATIN), min_size=1, max_size=40, unique=True),
        st.lists(st.sampled_from("אבגד.,1234"), min_size=1, unique=True),
        st.lists(st.sampled_from(["é", "x\u0302", "सि", "ה", "!"]), min_size=1, unique=True),
    ),
    st.integers(0, 1000),
)
def test_a_text_is_made_of_its_alphabet_alone(alphabet: list[str], seed: int) -> None:
    text = random_text(alphabet, np.random.default_rng(seed))
    assert text == text.strip()
    words = text.split(" ")
    assert all(words)
    assert len(words) <= 4
    assert {character for word in words for character in characters(word)} <= set(alphabet)


def test_texts_are_like_a_language_with_rare_characters_strewn_in() -> None:
    rng = np.random.default_rng(0)
    texts = [random_text(LATIN, rng) for _ in range(6000)]
    counts = dict.fromkeys(LATIN, 0)
    for character in "".join(texts).replace(" ", ""):
        counts[character] += 1
    assert min(counts.values()) >= 1
    assert counts["e"] > 10 * max(counts[each] for each in "þőžđ")
    assert 0.05 < np.mean([" " in text for text in texts]) < 0.15
    assert np.mean([text.isdigit() for text in texts]) > 0.03
    assert np.mean([text[:1].isupper() and text[1:].islower() for text in texts]) > 0.05


def test_half_of_the_words_are_spelt_as_no_language_is() -> None:
    """What follows what in them is not what follows what in ordinary words: nets must not learn that it does."""
    rng = np.random.default_rng(1)
    words = [word for _ in range(2000) for word in random_text("abcdefghijklmnopqrstuvwxyz", rng).split(" ")]
    usual = {pair for word in corpus.WORDS for pair in pairwise(word)}
    strange = [any(pair not in usual for pair in pairwise(word)) for word in words if len(word) > 3]
    assert 0.4 < np.mean(strange) < 0.8


def test_words_end_in_stops_and_carry_accents_as_often_as_written_ones() -> None:
    """A net that has seen a hundred specks for each full stop takes full stops for specks."""
    rng = np.random.default_rng(2)
    words = [word for _ in range(4000) for word in random_text(LATIN, rng).split(" ")]
    assert 0.03 < np.mean([word.endswith((".", ",")) and len(word) > 1 for word in words]) < 0.2
    assert 0.01 < np.mean(["-" in word[1:] for word in words]) < 0.1
    small = [each for word in words for each in word if each.islower()]
    assert 0.03 < np.mean([unicodedata.decomposition(each) != "" for each in small]) < 0.2


def test_faces_whose_letters_join_are_more_often_there_than_others(
    faces: list[Face], monkeypatch: pytest.MonkeyPatch
) -> None:
    apart, joining = (replace(faces[0], name=name) for name in ("apart", "joining"))
    many = (*(replace(apart, name=f"apart {k}") for k in range(9)), joining)
    monkeypatch.setattr(corpus, "_sorts", lambda given: (given[:9], given[9:]))
    drawn: list[str] = []
    monkeypatch.setattr(corpus, "_drawn", lambda face, alphabet: drawn.append(face.name) or tuple(alphabet))
    corpus._render(characters(ALPHABET), many, 0, 0)
    assert 0.25 < drawn.count("joining") / len(drawn) < 0.55


def test_faces_are_sorted_by_whether_their_letters_join(faces: list[Face], monkeypatch: pytest.MonkeyPatch) -> None:
    assert corpus._sorts(tuple(faces)) == (tuple(faces), ())
    other = Face("Joining", (Path("joining.ttf"),))
    monkeypatch.setattr(Face, "file", lambda self, character: self.files[0])
    monkeypatch.setattr(corpus, "_joins", lambda file: file.stem == "joining")
    assert corpus._sorts((*faces, other)) == (tuple(faces), (other,))


def test_latin_has_what_european_languages_write_with() -> None:
    assert len(set(LATIN)) == len(LATIN)
    assert set("azAZ09.,;!?'\"-&§ÀßæøčęłőșțŵſḂḃ–—‘“„»¿") - set(LATIN) == set()
    assert not set(LATIN) & set(" \u00a0\u00ad\u0301αж")
