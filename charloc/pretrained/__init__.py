"""A warm start for projects in which nothing has been learned yet: a net that knows letters from rendered words.

One for Latin letters ships with the package, in `latin/`; `launch.py pretrain` made it (its `checkpoint.json` says how)
and makes others. No person drew a box that it learned from. Importing this does not import torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from charloc import checkpoint as on_disk
from charloc.methods import METHODS, Checkpoint
from charloc.text import Charset, is_space
from charloc.types import WordImage

FOLDER = Path(__file__).resolve().parent / "latin"
INK = "ink."
"""What the names of an ink net's tensors begin with in a checkpoint."""
KNOWN = 0.5
"""A net knows an alphabet when it knows this share of what is written in it."""
LOOKED_AT = 1000
"""So many words, evenly spread, say what alphabet a project is written in."""


@lru_cache(maxsize=1)
def shipped() -> Checkpoint | None:
    """What ships with the package; None in a build without it.

    Raises:
        CheckpointError: it is damaged.
    """
    return on_disk.read(FOLDER) if (FOLDER / on_disk.RECORD).is_file() else None


def knows(checkpoint: Checkpoint, words: Sequence[WordImage]) -> bool:
    """Whether at least half of the characters of `words`, spaces aside, are in the checkpoint's charset."""
    known = _symbols(str(checkpoint.settings["charset"]))
    some = range(0, len(words), max(1, len(words) // LOOKED_AT))
    records = getattr(words, "records", words)  # a store's words decode their picture when they are indexed
    written = [character for i in some for character in records[i].characters if not is_space(character)]
    return sum(character in known for character in written) >= KNOWN * len(written)


def start_of(method: str, words: Sequence[WordImage]) -> Checkpoint | None:
    """What `method` goes on from where it has learned nothing: what ships, if it is the method's own or its kin's.

    Of a checkpoint that does not know the alphabet of `words`, what it knows of ink is left; None if that is nothing.
    """
    checkpoint = shipped()
    if checkpoint is None or checkpoint.settings.get("method") not in (method, *METHODS[method].kin):
        return None
    start = fitting(checkpoint, words)
    return start if start is not checkpoint or knows(checkpoint, words) else None


def fitting(checkpoint: Checkpoint, words: Sequence[WordImage]) -> Checkpoint:
    """The checkpoint; of one that knows ink, but not the letters of `words`, what it knows of ink."""
    of_ink = any(name.startswith(INK) for name in checkpoint.tensors)
    return without_letters(checkpoint) if of_ink and not knows(checkpoint, words) else checkpoint


def knows_letters(checkpoint: Checkpoint) -> bool:
    """Whether a checkpoint has learned more than whose the ink is."""
    return not all(name.startswith(INK) for name in checkpoint.tensors)


def without_letters(checkpoint: Checkpoint) -> Checkpoint:
    """A checkpoint that has learned no letters yet, nor what confidence is worth, but knows whose the ink is."""
    ink = {name: each for name, each in checkpoint.tensors.items() if name.startswith(INK)}
    nothing = {
        "charset": Charset(()).to_json(), "measures": "{}", "rounds": 0,
        "warm": False, "knows_spans": False, "taught": 0,
    }  # fmt: skip
    kept = {key: each for key, each in checkpoint.settings.items() if key != "calibration"}
    return Checkpoint(ink, {**kept, **nothing})


@lru_cache(maxsize=8)
def _symbols(charset: str) -> frozenset[str]:
    return frozenset(Charset.from_json(charset).symbols)
