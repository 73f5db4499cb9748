"""How right the boxes are in joined hands that nothing was learned from: words rendered in script faces you name.

A stand-in for data nobody here has: whoever has another folder of faces has another test. Faces that the nets that ship
have learned from are left out. Letters are set close, so that they join where the face lets them; clean, degraded, and
degraded in other languages: half of what the net that ships has learned from is spelt as the English words here are.

python launch.py bench cursive --fonts FOLDER [--words 400] [--rounds 1] [--seed 7] [--pictures FOLDER]
    [--start CHECKPOINT]     score another checkpoint than the one that ships, without a round
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from charloc import checkpoint as on_disk
from charloc import em
from charloc.faces import Face, find_faces
from charloc.pretrained import FOLDER
from charloc.pretrained.making import fonts_of
from charloc.synth import WORDS, Degradation, Rendered, load_font, render
from charloc.text import characters
from charloc.types import CharlocError
from tests.bench._pictures import check_folder, draw, worst
from tests.bench._rounds import DEFAULT_INIT, Said, add_options, check, each_round
from tests.bench._sets import Set
from tests.bench._table import markdown
from tests.bench.accuracy import HEADS, row

SETS = ("cursive_clean", "cursive_hard", "cursive_foreign")
_VOCABULARY = """
agus alkaa amicus ampio anche arbre aussi avond bardzo bellum berg biasa blisko bloem boca bosco bunga burung busara
cavallo cayo ceathrar chiesa chleb chwila codice coelum corpus cuore czas daima dicembre djevojka doigt drzewo duizend
dunia dzwon elefante elokuu engin epistula erde fada farfalla fenster fiamma fjall fluvius fogo fuglar geist
geskiedenis giardino giorno gwiazda haus heureux hierba hoogte hvit hyvin ibland iglesia ignis imvula jabuka jardin
jezero jongen joulu jutro kaksi karkas kasteel katto kesken kijk kitabu kleuren knopf koira kwiat kuolla langsam
leabhar lehti ljubav lluvia lucht luna lupus maji mbali mensch mezzo mjesec mladost mondja mwezi myrsky naghi natt
nevar nichts nigdy noite nomen nyumba obiad ogenblik oiseau ombra onnea orzel ostrov ouvrir paluba pamiat papillon
pensar pfeffer piazza pioggia pluie polku przez qualche quidem quomodo rafiki regnum rivier rouge rzeka safari
sapientia schicksal schrijven scientia scuola segel senza shamba silva skog slnko soggiorno specchio spiegel stjerne
stronie strumpf szkola talvi tempus tijdens trece tuuli twarz uccello ulica unum urbs usiku vecchio veld verano
viaggio vijf virtus vlk voyage vuur wald wasser wieczor woda wszystko wybor yaprak yksi zabawa zahrada zakaj zapach
zeit zijn zima zomer zucchero zwischen
"""
FOREIGN = tuple(_VOCABULARY.split())
"""Words of other languages than English, some without their accents: of letters that every script face has."""
SIZES_PX = (24.0, 48.0)


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="bench cursive", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_options(parser, SETS)
    parser.add_argument("--fonts", type=Path, required=True, help="a folder with script faces")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--start", type=Path, help="a checkpoint's folder: score it, without a round")
    parser.add_argument("--pictures", type=Path, help="a folder, not in the repository, for sheets of what is wrong")
    options = parser.parse_args(argv)
    check(options.method, options.init)
    if options.pictures:
        check_folder(options.pictures)
    faces = unseen(options.fonts)
    print(f"{len(faces)} faces: {', '.join(face.name for face in faces)}\n", flush=True)
    print(markdown(HEADS, []), flush=True)
    for name in options.sets:
        data, written = cursive_set(name, faces, options.words or 400, options.seed)
        results = [_started(data, options.start)] if options.start else None
        rounds = options.rounds if results is None else 0
        steps = results if results is not None else each_round(data, options.method, options.init, rounds)
        for number, result in enumerate(steps):
            print(f"| {' | '.join(row(data, number, result, options.init, rounds))} |", flush=True)
        missed = Counter(written[i] for i in worst(data, result.localizations, len(data.words)))
        of_each = Counter(written)
        print(f"  wrong words: {', '.join(f'{face} {n} of {of_each[face]}' for face, n in missed.most_common(6))}")
        if options.pictures:
            sheet = options.pictures / f"left_{name}.png"
            draw(data, result.localizations, 40, sheet)
            print(f"{name}: {sheet}", file=sys.stderr)


def unseen(folder: Path) -> list[Face]:
    """The faces in a folder that draw ordinary words and that the nets that ship have not learned from.

    Raises:
        CharlocError: there is no such folder, or no such face in it.
    """
    if not folder.is_dir():
        raise CharlocError(f"There is no folder {folder}. Name one that holds script faces: --fonts FOLDER")
    made_from = on_disk.made_from(FOLDER) if (FOLDER / on_disk.RECORD).is_file() else {}
    learned = fonts_of(made_from)
    letters = sorted({letter for word in WORDS for letter in word + word.upper()})
    faces = [face for face in find_faces([folder]) if all(face.file(each) for each in letters)]
    left = [face for face in faces if face.name not in learned]
    if not left:
        raise CharlocError(f"{folder}: none of {len(faces)} faces is new to the nets that ship. Name other ones.")
    return left


def cursive_set(name: str, faces: Sequence[Face], count: int, seed: int) -> tuple[Set, list[str]]:
    """`count` rendered words of the set called `name`, and the face of each; the same for the same arguments."""
    rng = np.random.default_rng((seed, SETS.index(name)))
    words = FOREIGN if name == "cursive_foreign" else WORDS
    rendered: list[Rendered] = []
    written: list[str] = []
    while len(rendered) < count:
        text = words[int(rng.integers(len(words)))]
        text = text.capitalize() if rng.random() < 0.2 else text
        face = faces[int(rng.integers(len(faces)))]
        size = float(rng.uniform(*SIZES_PX))
        degradation = replace(Degradation.draw(rng, hard=name != "cursive_clean"), tracking_px=0.0)
        try:
            each = render(text, [load_font(face.file(c), size) for c in characters(text)], rng, degradation)
        except (CharlocError, OSError):
            continue  # a face with an empty glyph
        rendered.append(each)
        written.append(face.name)
    words = [each.word(i) for i, each in enumerate(rendered)]
    return Set(name, words, [each.source_word(f"{i}.png") for i, each in enumerate(rendered)]), written


def _started(data: Set, start: Path) -> em.RoundResult:
    began = time.perf_counter()
    nobody = [()] * len(data.words)
    found = em.first_guess(data.words, nobody, Said(data.name), DEFAULT_INIT, start=str(start))
    return em.RoundResult(found, None, float("nan"), 0, 0.0, time.perf_counter() - began, {})
