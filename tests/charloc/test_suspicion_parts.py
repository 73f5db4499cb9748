"""Rare characters and mixed scripts; pictures that are blank, cut off, or there twice."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from charloc.images import decode
from charloc.ink import find_ink
from charloc.suspicion import Reason
from charloc.suspicion.alphabet import Alphabet, script
from charloc.suspicion.pictures import Copies, Glance, glance, same_picture, weigh
from charloc.synth import CLEAN, load_font, render_word

PLAIN = [tuple("plain"), tuple("words"), tuple("here 12")] * 60


@pytest.mark.parametrize(
    ("character", "is_of"),
    [("a", "Latin"), ("ω", "Greek"), ("е", "Cyrillic"), ("ש", "Hebrew"), ("か", "Han"), ("漢", "Han"), ("1", None),
     (".", None), ("ʼ", None), ("é", "Latin"), ("𞤀", "another")],
)  # fmt: skip
def test_scripts(character: str, is_of: str | None) -> None:
    assert script(character) == is_of


def test_a_look_alike_of_another_script_stands_out() -> None:
    odd = tuple("рlain")  # Cyrillic er
    assert set(Alphabet([*PLAIN, odd]).weigh(odd)) == {Reason.mixed_script, Reason.rare}
    assert Alphabet([*PLAIN, odd]).weigh(PLAIN[0]) == {}
    apart = [tuple("Αἴας heißt")] * 60
    assert Alphabet(apart).weigh(apart[0]) == {}, "two scripts in a line are not two in a word"
    often = [tuple("µm")] * 60
    assert Alphabet([*PLAIN, *often]).weigh(often[0]) == {}


def test_rare_characters() -> None:
    once, twice = tuple("caf@"), tuple("~")
    alphabet = Alphabet([*PLAIN, once, twice, twice])
    assert alphabet.weigh(once)[Reason.rare] > alphabet.weigh(twice)[Reason.rare] > 0
    assert alphabet.rare() == [("@", 1), ("c", 1), ("f", 1), ("~", 2)]
    assert Alphabet([once, twice]).weigh(once) == {}, "in few words every character is rare"


def looked_at(pixels: np.ndarray) -> Glance:
    return glance(pixels, find_ink(pixels))


def test_blank_and_cut_off_pictures() -> None:
    whole, _ = render_word("marble", load_font(None, 30), np.random.default_rng(0), CLEAN)
    rows = np.flatnonzero((whole < 128).any(axis=1))
    cut = whole[: (rows[0] + rows[-1]) // 2 + 4]
    noise = np.random.default_rng(0).integers(222, 234, (40, 100)).astype(np.uint8)
    assert [looked_at(each).blank for each in (whole, cut, noise)] == [False, False, True]
    stop, _ = render_word(".", load_font(None, 30), np.random.default_rng(0), CLEAN)
    assert not looked_at(stop).blank
    many = [looked_at(whole)] * 99
    weights = weigh([*many, looked_at(cut), looked_at(noise)])
    assert list(weights[-2]) == [Reason.cut_off] and list(weights[-1]) == [Reason.blank] and not weights[0]
    assert weigh([looked_at(cut)] * 5) == [{}] * 5, "where all touch the edge that is how they were cut"
    assert weigh([]) == []


def test_copies_are_found_and_other_prints_are_not() -> None:
    rng = np.random.default_rng(3)
    font = load_font(None, 30)
    one, _ = render_word("marble", font, rng, CLEAN)
    one = np.clip(one + rng.normal(0, 6, one.shape), 0, 255).astype(np.uint8)
    again = np.clip(one.astype(float) + rng.normal(0, 14, one.shape), 0, 255).astype(np.uint8)  # another print
    out = io.BytesIO()
    Image.fromarray(one).save(out, "JPEG", quality=80)
    pictures = [one, decode(out.getvalue(), "x"), one[1:, 2:], again, render_word("garble", font, rng, CLEAN)[0]]
    copies = Copies()
    for index, each in enumerate(pictures):
        copies.add(index, each, find_ink(each).mask)
    assert sorted(copies.pairs(pictures)) == [(0, 1), (0, 2), (1, 2)]
    assert same_picture(one, one.copy()) and not same_picture(one, 255 - one)
    assert list(Copies().pairs([])) == []
