"""Font files of whatever is installed, as typefaces that draw a character or say that they cannot."""

from __future__ import annotations

import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

SUFFIXES = (".ttf", ".otf", ".woff2", ".woff")
NOWHERE = "\uffff"
"""No character: a font draws its sign for what it lacks."""


@dataclass(frozen=True, slots=True)
class Face:
    """One style of a typeface; several files where it is delivered in parts (by script).

    Args:
        name: family and style.
        files: its font files; the first that has a character draws it.
    """

    name: str
    files: tuple[Path, ...]

    def file(self, character: str) -> Path | None:
        """The file that draws `character` (a grapheme cluster), None where the face lacks it."""
        return next((file for file in self.files if _draws(file, character)), None)


def font_folders() -> list[Path]:
    """Where fonts are on this machine: the system's folders and every installed Python package."""
    shared = ("/usr/share/fonts", "/usr/local/share/fonts", "/Library/Fonts", "C:/Windows/Fonts")
    system = [Path(each) for each in shared]
    own = [Path.home() / each for each in (".fonts", ".local/share/fonts", "Library/Fonts")]
    return [each for each in (*system, *own, Path(sysconfig.get_path("purelib"))) if each.is_dir()]


def find_faces(folders: Iterable[Path]) -> list[Face]:
    """Every typeface in the folders and below that draws Latin, Greek or Cyrillic small letters, by name.

    Files that are no fonts, and fonts of symbols, are left out. Two files of one name and style are two parts of one
    face; so a font that is installed twice counts once.
    """
    found: dict[str, list[Path]] = {}
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() in SUFFIXES and path.is_file():
                try:
                    family, style = ImageFont.truetype(path, 24).getname()
                except OSError:
                    continue
                found.setdefault(f"{family} {style}", []).append(path)
    faces = [Face(name, tuple(files)) for name, files in sorted(found.items())]
    return [face for face in faces if any(_letters_differ(file) for file in face.files)]


@lru_cache(maxsize=4096)
def _font(file: Path) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(file, 24)


@lru_cache(maxsize=1 << 20)
def _draws(file: Path, character: str) -> bool:
    font = _font(file)
    try:
        if font.getmask(character).getbbox() is None:
            return False
        lacking = _drawing(font, NOWHERE)
        return all(_drawing(font, each) != lacking for each in character)
    except OSError:
        return False  # the file is damaged there


def _drawing(font: ImageFont.FreeTypeFont, character: str) -> tuple[tuple[int, int], bytes]:
    drawn = font.getmask(character)
    return drawn.size, bytes(drawn)


def _letters_differ(file: Path) -> bool:
    """Whether the font draws small letters, each another: not so a font of symbols, or of one box for everything."""
    for alphabet in ("aehn", "αεην", "авен"):
        drawn = {bytes(_font(file).getmask(each)) for each in alphabet if _draws(file, each)}
        if len(drawn) == len(alphabet):
            return True
    return False
