"""Rendered words with exact boxes: material for tests, benchmarks and the demo, from any font or Pillow's own.

Each character is drawn and bent on a layer of its own, so its box is measured, not computed from font metrics, and
neighbours that overlap do not blur it. Scripts whose letters join are drawn in their isolated forms.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter, zoom

from charloc.hand import by_hand
from charloc.metrics import per_code_point
from charloc.text import characters, is_space, normalise, visual_order
from charloc.types import CharlocError, SourceWord, WordImage

INK = 0.25
"""A pixel is ink of a character where at least this share of it is covered."""

_VOCABULARY = """
able about above across after again air almost along amber anger animal apple army autumn away baby back bank bath beach
bear beauty before behind better between bird black blood blue boat body book born bottle box branch bread bridge bright
brown build burn butter cake calm captain card castle cat chance child church circle city clear clock cloud coat cold
colour common copper corner country course cross crowd cup dance danger dark daughter deep degree desert dinner door
double dream dress dry dust ear early east edge eight engine enough evening example eye fact family farm father feather
field fifty fight figure finger fire fish flag flat floor flower follow food forest free friend fruit full game garden
gentle glass gold grain grand grass great green ground guess hair half hammer hand happy harbour hat head heart heavy
height high hill history home hope horse hour hundred ice idea iron island jacket join journey judge jump just keep
kettle key kind king kitchen knee knife know lady lake lamp language large laugh leaf learn left letter library light
lily line listen little lock long machine map market meadow melody middle milk minute mirror money month moon morning
mother mountain music name narrow nature needle neighbour night noise north number oak object ocean office often old
open orange order other oven owl page paint paper parcel path pencil people picture pillow plain planet pocket poem pond
pretty prize pupil puzzle quarter queen question quick quiet rabbit rain reason remember rhythm ribbon river road roof
room rope round rule sail salt sand school sea season second seven shadow sheep shelf ship silver simple sister sky
sleep slow small snow soft song south spring square stair star station stone storm story straight street summer sun
sweet table tail teacher ten thick thin thousand thread tide timber tower travel tree trouble twelve uncle under unit
until upper useful valley vase velvet very village violin voice wagon wait walk wall warm watch water wave way west
wheel white wide wild willow wind winter wolf wonder wood world write yard year yellow yesterday young zebra zero zigzag
"""
WORDS = tuple(_VOCABULARY.split())
"""Common English words, every letter among them."""


Font = ImageFont.FreeTypeFont | Sequence[ImageFont.FreeTypeFont]


@dataclass(frozen=True, slots=True)
class Degradation:
    """How a word is bent and dirtied. Lengths in px of the result; levels are shares of the full grey scale.

    Args:
        rotation_deg: counter-clockwise.
        shear: px to the right for each px up: positive leans like an italic.
        stretch: width over natural width.
        tracking_px: room added between characters; negative lets them overlap.
        stroke_px: how much bolder the strokes are on either side.
        margins_px: left, top, right, bottom, around the ink.
        blur_px: standard deviation.
        noise: standard deviation of every pixel.
        paper, contrast: level of the paper, and by how much ink is darker.
        shading: by how much the paper's level drifts over the image.
        inverted: light ink on dark paper.
        specks: number of dots of ink that are no character.
        rules: number of straight lines through or around the word.
        stains: number of soft dark spots, wider than a stroke.
        fade: by how much the ink pales, at most, over the image.
        grain: standard deviation of the paper's texture, coarser than `noise`.
        lines_px: how much of the lines above and below shows at the picture's top and bottom.
        hand: how unlike each other letters are, as in a hand: 0 a press, 1 a poor hand.
    """

    rotation_deg: float = 0.0
    shear: float = 0.0
    stretch: float = 1.0
    tracking_px: float = 0.0
    stroke_px: float = 0.0
    margins_px: tuple[int, int, int, int] = (5, 5, 5, 5)
    blur_px: float = 0.0
    noise: float = 0.0
    paper: float = 1.0
    contrast: float = 1.0
    shading: float = 0.0
    inverted: bool = False
    specks: int = 0
    rules: int = 0
    stains: int = 0
    fade: float = 0.0
    grain: float = 0.0
    lines_px: tuple[int, int] = (0, 0)
    hand: float = 0.0

    @classmethod
    def draw(cls, rng: np.random.Generator, hard: bool) -> Degradation:
        """A random one: `hard` as a bad scan of a crooked page, otherwise clean print with small differences."""
        if not hard:
            clean = cls(stretch=rng.uniform(0.9, 1.1), tracking_px=rng.uniform(0, 2), blur_px=rng.uniform(0, 0.5))
            return replace(clean, margins_px=_margins(rng, 3, 9))
        paper = rng.uniform(0.6, 1.0)
        return cls(
            rotation_deg=rng.uniform(-5, 5),
            shear=rng.uniform(-0.2, 0.4),
            stretch=rng.uniform(0.8, 1.25),
            tracking_px=rng.uniform(-0.5, 3),
            stroke_px=float(rng.choice([0, 0, 0, 1])),
            margins_px=_margins(rng, 1, 21),
            blur_px=rng.uniform(0, 1.2),
            noise=rng.uniform(0, 0.08),
            paper=paper,
            contrast=paper * rng.uniform(0.3, 1.0),
            shading=rng.uniform(0, 0.3) * paper,
            inverted=bool(rng.random() < 0.15),
            specks=int(rng.poisson(3)),
            rules=int(rng.random() < 0.2),
        )


def _margins(rng: np.random.Generator, low: int, high: int) -> tuple[int, int, int, int]:
    left, top, right, bottom = rng.integers(low, high, 4).tolist()
    return left, top, right, bottom


CLEAN = Degradation()


@dataclass(frozen=True, slots=True, eq=False)
class Rendered:
    """A rendered word and the truth about it.

    Args:
        text: its transcript, in normal form.
        pixels: uint8 (H, W), 0 black.
        boxes: float32 (L, 4), one per character in reading order; NaN for a space.
        ink: uint8 (H, W), how much of each pixel the word's own characters cover, 255 all of it.
    """

    text: str
    pixels: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    ink: NDArray[np.uint8]

    def word(self, id: int) -> WordImage:
        return WordImage(id, f"rendered/{id:05}.png", self.pixels, characters(self.text))

    def source_word(self, name: str) -> SourceWord:
        """This word as a reader of files would give it: a PNG, with its boxes as reference."""
        data = io.BytesIO()
        Image.fromarray(self.pixels).save(data, "PNG")
        return SourceWord(name, data.getvalue(), self.text, per_code_point(characters(self.text), self.boxes))


def load_font(path: Path | None, size_px: float) -> ImageFont.FreeTypeFont:
    """The font in the file `path`, or Pillow's built-in one.

    Raises:
        CharlocError: the file is no font, or this Pillow was built without FreeType.
    """
    try:
        font = ImageFont.truetype(path, size_px) if path else ImageFont.load_default(size_px)
    except (OSError, ImportError) as error:
        raise CharlocError(f"{path or 'the built-in font'}: cannot be used as a font ({error}).") from error
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise CharlocError("Pillow has no FreeType here, so words cannot be rendered. Install Pillow's own wheel.")
    return font


def render_word(
    text: str, font: Font, rng: np.random.Generator, degradation: Degradation = CLEAN
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """`render` for those who want the image and the boxes (L, 4) alone."""
    rendered = render(text, font, rng, degradation)
    return rendered.pixels, rendered.boxes


def render(text: str, font: Font, rng: np.random.Generator, degradation: Degradation = CLEAN) -> Rendered:
    """An image of `text` and the exact boxes of its L characters.

    A box holds the pixels that its own character covers by at least `INK` after rotation, shear and stretching;
    blur, noise and the rest do not move it.

    Args:
        text: one line, in any direction of writing.
        font: a font that has its letters, or one font per character.
        rng: for whatever `degradation` leaves open; the same state gives the same image.

    Raises:
        CharlocError: `text` is empty, or the font draws nothing for a character that is no space.
    """
    clusters = characters(normalise(text))
    if not clusters:
        raise CharlocError("There is nothing to render: the text is empty.")
    fonts = [font] * len(clusters) if isinstance(font, ImageFont.FreeTypeFont) else list(font)
    drawn = _draw_each(clusters, fonts, degradation)
    layers = _bend(by_hand(drawn, degradation.hand, rng) if degradation.hand else drawn, degradation)
    boxes = ink_boxes(layers)
    blank = [c for c, box in zip(clusters, boxes, strict=True) if np.isnan(box).any() != is_space(c)]
    if blank:
        raise CharlocError(f"The font {fonts[0].getname()[0]} draws nothing for {' '.join(map(repr, blank))}.")
    ink = 1 - np.prod(1 - layers, axis=0)
    own = np.rint(ink * 255).astype(np.uint8)
    for at_top, shown in zip((True, False), degradation.lines_px, strict=True):
        if shown:
            _another_line(ink, min(shown, len(ink)), at_top, fonts[0], degradation, rng)
    return Rendered(normalise(text), _paint(ink, degradation, rng), boxes, own)


def render_set(n: int, seed: int, hard: bool, fonts: Sequence[Path] = ()) -> list[Rendered]:
    """`n` rendered words, the same for the same arguments; `fonts` are files, none means the built-in font."""
    rng = np.random.default_rng(seed)
    rendered = []
    for _ in range(n):
        text = WORDS[rng.integers(len(WORDS))]
        style = rng.random()
        text = text.upper() if style < 0.05 else text.capitalize() if style < 0.25 else text
        text += str(rng.choice(["", ".", ",", ";", "!", "?"], p=[0.85, 0.05, 0.05, 0.02, 0.02, 0.01]))
        font = load_font(fonts[int(rng.integers(len(fonts)))] if fonts else None, rng.uniform(22, 46))
        rendered.append(render(text, font, rng, Degradation.draw(rng, hard)))
    return rendered


def ink_boxes(layers: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bounding boxes of the ink of each layer.

    Args:
        layers: (L, H, W), share of each pixel that is covered, 0..1.

    Returns:
        float32 (L, 4), whole pixel edges; NaN where a layer has no ink.
    """
    boxes = np.full((len(layers), 4), np.nan, np.float32)
    for box, ink in zip(boxes, layers >= INK, strict=True):
        columns, rows = np.flatnonzero(ink.any(axis=0)), np.flatnonzero(ink.any(axis=1))
        if len(columns):
            box[:] = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    return boxes


def _another_line(
    ink: NDArray[np.float32], shown: int, at_top: bool, font: ImageFont.FreeTypeFont, degradation: Degradation,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Draw, in place, the edge of the text line above or below: `shown` rows of it."""
    width, at = ink.shape[1], -int(rng.integers(0, 30))
    while at < width:
        word = characters(WORDS[rng.integers(len(WORDS))])
        other = _bend(_draw_each(word, [font] * len(word), degradation), replace(degradation, margins_px=(0, 0, 0, 0)))
        rows = other.max(axis=0)
        rows = rows[-shown:] if at_top else rows[:shown]
        left, right = max(at, 0), min(at + rows.shape[1], width)
        if right > left:
            place = np.s_[: len(rows), left:right] if at_top else np.s_[len(ink) - len(rows) :, left:right]
            ink[place] = np.maximum(ink[place], rows[:, left - at : right - at])
        at += rows.shape[1] + int(rng.integers(6, 16))


def _draw_each(
    clusters: Sequence[str], fonts: Sequence[ImageFont.FreeTypeFont], degradation: Degradation
) -> NDArray[np.float32]:
    """Each character alone on a layer, where it stands in the word: (L, H, W), covered share 0..1."""
    stroke = degradation.stroke_px
    lefts = [0.0] * len(clusters)
    order = visual_order(clusters)
    for before, i in pairwise(order):
        left, right, font = clusters[before], clusters[i], fonts[before]
        # Measured with what stands after it, so that the font's kerning is in the position.
        together = font.getlength(left + right) - font.getlength(right) if fonts[i] == font else font.getlength(left)
        lefts[i] = lefts[before] + together + degradation.tracking_px / degradation.stretch
    spans = [font.getbbox(c, anchor="ls", stroke_width=stroke) for c, font in zip(clusters, fonts, strict=True)]
    left = min(x + span[0] for x, span in zip(lefts, spans, strict=True)) - 2
    right = max(x + span[2] for x, span in zip(lefts, spans, strict=True)) + 2
    top, bottom = min(span[1] for span in spans) - 2, max(span[3] for span in spans) + 2
    size = int(np.ceil(right - left)), int(np.ceil(bottom - top))
    layers = np.zeros((len(clusters), size[1], size[0]), np.float32)
    for layer, x, character, font in zip(layers, lefts, clusters, fonts, strict=True):
        canvas = Image.new("L", size)
        ImageDraw.Draw(canvas).text((x - left, -top), character, 255, font, anchor="ls", stroke_width=stroke)
        layer[:] = np.asarray(canvas, np.float32) / 255
    return layers


def _bend(layers: NDArray[np.float32], degradation: Degradation) -> NDArray[np.float32]:
    """Layers rotated, sheared and stretched, cropped to the ink of all and set into the margins."""
    turn = np.deg2rad(degradation.rotation_deg)
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    matrix = rotation @ np.array([[1, -degradation.shear], [0, 1]]) @ np.diag([degradation.stretch, 1])
    height, width = layers.shape[1:]
    if not np.array_equal(matrix, np.eye(2)):
        corners = matrix @ np.array([[0, width, 0, width], [0, 0, height, height]])
        origin = np.floor(corners.min(axis=1)) - 1
        size = np.ceil(corners.max(axis=1) - origin).astype(int) + 1
        back = np.linalg.inv(matrix)
        # Pillow wants the way from the result's pixel to the source's.
        (a, b), (d, e) = back
        c, f = back @ origin
        bend = (tuple(size.tolist()), Image.Transform.AFFINE, (a, b, c, d, e, f), Image.Resampling.BICUBIC)
        layers = np.stack([np.asarray(Image.fromarray(layer).transform(*bend)) for layer in layers]).clip(0, 1)
    every = ink_boxes(layers.max(axis=0)[None])[0]
    x0, y0, x1, y1 = (0, 0, 1, 1) if np.isnan(every).any() else every.astype(int)
    left, top, right, bottom = degradation.margins_px
    return np.pad(layers[:, y0:y1, x0:x1], ((0, 0), (top, bottom), (left, right)))


def _paint(ink: NDArray[np.float32], degradation: Degradation, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Ink (H, W), covered share 0..1, printed on paper and scanned: uint8 (H, W)."""
    height, width = ink.shape
    ys, xs = np.mgrid[:height, :width] + 0.5
    ink = ink.copy()
    for _ in range(degradation.specks):
        x, y, radius = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(0.6, 2.0)
        ink = np.maximum(ink, np.clip(radius + 0.5 - np.hypot(xs - x, ys - y), 0, 1))
    for _ in range(degradation.rules):
        offset, slope, half = rng.uniform(0, height), rng.uniform(-0.02, 0.02), rng.uniform(0.5, 1.2)
        ink = np.maximum(ink, np.clip(half + 0.5 - np.abs(ys - offset - slope * (xs - width / 2)), 0, 1))
    if degradation.fade:
        ink *= 1 - degradation.fade * _drift(ink.shape, rng)
    for _ in range(degradation.stains):
        x, y, radius = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(0.1, 0.5) * height
        spot = np.exp(-(((xs - x) / radius) ** 2 + ((ys - y) / (radius * rng.uniform(0.5, 1.5))) ** 2))
        ink = np.maximum(ink, rng.uniform(0.1, 0.6) * spot)
    if degradation.blur_px:
        ink = gaussian_filter(ink, degradation.blur_px)
    level = np.full(ink.shape, degradation.paper)
    if degradation.shading:
        level -= degradation.shading * _drift(ink.shape, rng)
    level -= degradation.contrast * ink
    if degradation.inverted:
        level = 1 - level
    if degradation.grain:
        grain = gaussian_filter(rng.normal(0, 1, ink.shape), 1.2)
        level += degradation.grain * grain / grain.std()
    if degradation.noise:
        level += rng.normal(0, degradation.noise, ink.shape)
    return np.asarray(np.rint(np.clip(level, 0, 1) * 255), np.uint8)


def _drift(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float64]:
    """Something that changes slowly over the image, 0..1, (H, W)."""
    coarse = rng.uniform(0, 1, (3, 4))
    drift = zoom(coarse, (shape[0] / 3, shape[1] / 4), order=1, mode="nearest", grid_mode=True)
    return np.asarray(drift[: shape[0], : shape[1]])
