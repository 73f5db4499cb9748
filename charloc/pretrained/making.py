"""How a checkpoint like the one that ships is made: words of an alphabet, rendered in whatever fonts there are."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import resource_tracker
from pathlib import Path

import numpy as np

from charloc import checkpoint as on_disk
from charloc.corpus import FEWEST, LATIN, render_corpus
from charloc.faces import Face, find_faces, font_folders
from charloc.learning import check_device
from charloc.methods import Checkpoint, Progress, silent
from charloc.methods.segmental import Segmental
from charloc.pretraining import Effort, More, check_known, pretrain
from charloc.text import Charset, characters, normalise
from charloc.types import CharlocError

LEAST_HELD_OUT, HELD_OUT = 64, 3072
"""Words that only tell what confidence is worth: as many as there are to learn from, within these."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to learn from.

    Args:
        alphabet: the characters that some face draws, sorted.
        faces: the typefaces that draw enough of them.
        lacking: characters asked for that no such face draws.
    """

    alphabet: tuple[str, ...]
    faces: tuple[Face, ...]
    lacking: tuple[str, ...]


def letters(text: str) -> set[str]:
    """The characters of any text, an alphabet or a page; of a file's text, where `text` names a file.

    Raises:
        CharlocError: the file is not UTF-8, or the text holds what cannot be printed.
    """
    try:
        if Path(text).is_file():
            text = Path(text).read_text("utf-8")
    except OSError:
        pass  # far too long for a name: it is the alphabet itself
    except UnicodeDecodeError as error:
        raise CharlocError(f"{text} is not a UTF-8 text. Name one that is, or write the alphabet itself.") from error
    return {character for line in text.splitlines() for character in characters(normalise(line))}


def plan(wanted: Iterable[str], folders: Sequence[Path]) -> Plan:
    """Which characters can be learned, with which typefaces.

    Args:
        wanted: characters; none: Latin letters.
        folders: where to look for fonts; none: wherever this machine has some.

    Raises:
        CharlocError: a folder that is not there, no fonts, or too few characters.
    """
    for folder in folders:
        if not folder.is_dir():
            raise CharlocError(f"There is no folder {folder}. Name one that holds fonts: --fonts FOLDER")
    alphabet = Charset.of([tuple(wanted)]).symbols or Charset.of([characters(LATIN)]).symbols
    if len(alphabet) < FEWEST:
        raise CharlocError(f"{len(alphabet)} different characters are too few to make words of: at least {FEWEST}.")
    drawn = {face: {each for each in alphabet if face.file(each)} for face in find_faces(folders or font_folders())}
    faces = tuple(face for face, known in drawn.items() if len(known) >= FEWEST)
    if not faces:
        raise CharlocError(
            f"No font draws {FEWEST} of the {len(alphabet)} characters. Name folders that hold some: --fonts FOLDER"
        )
    known = set().union(*(drawn[face] for face in faces))
    lacking = tuple(each for each in alphabet if each not in known)
    return Plan(tuple(each for each in alphabet if each in known), faces, lacking)


def check_free(out: Path) -> None:
    """Refuse to put a checkpoint where something else is.

    Raises:
        CharlocError: `out` is a file, or a folder that holds something else than a checkpoint.
    """
    if out.is_dir():
        strange = sorted({each.name for each in out.iterdir()} - {on_disk.TENSORS, on_disk.RECORD})
        if not strange and (out / on_disk.RECORD).is_file() and "command" not in on_disk.made_from(out):
            strange = ["a round's checkpoint"]
        if strange:
            raise CharlocError(f"{out} holds other things ({', '.join(strange[:3])} ...). Name a new folder: --out DIR")
    elif out.exists():
        raise CharlocError(f"{out} is a file. Name a new folder: --out DIR")


def make(
    out: Path, what: Plan, effort: Effort, *, words: int, command: str, start: Path | None = None,
    more: More | None = None, progress: Progress = silent,
) -> None:  # fmt: skip
    """Render, learn, write.

    Args:
        out: the folder that the checkpoint goes to, whole or not at all.
        what: alphabet and typefaces.
        effort: how much to learn, and with what.
        words: how many to render.
        command: what makes it again; kept with it.
        start: the folder of a checkpoint made by this before: only what it lacks is learned (`pretraining.pretrain`).
        more: what is learned on from there, too (`pretraining.pretrain`).
        progress: called with (phase, done, total); may raise to stop.

    Raises:
        CharlocError: it cannot be written there, torch has no such device here, or the start is another method's or
            does not know all letters.
    """
    check_free(out)
    check_device(effort.device)
    before = None if start is None else on_disk.read(start, Segmental.name)
    if before is not None and more != "letters":
        check_known(before, what.alphabet)
    alphabet = "".join(what.alphabet)
    with _interrupts_held(progress) as report:
        rendered = render_corpus(alphabet, what.faces, words, effort.seed, report, effort.workers)
    with _interrupts_held(progress) as report:
        others = max(min(words, HELD_OUT), LEAST_HELD_OUT)
        held_out = render_corpus(what.alphabet, what.faces, others, effort.seed + 1, report, effort.workers)
    learned = pretrain(rendered, held_out, effort, before, more, progress)
    made_from = {
        "command": command,
        "charloc": _version(),
        "seed": effort.seed,
        "words": words,
        "steps": effort.steps,
        "fonts": [face.name for face in what.faces],
    }
    if start is not None:
        made_from["start"] = _before(on_disk.made_from(start), made_from["fonts"])
    on_disk.write(out, str(learned.settings["method"]), _halved(learned), made_from)


def _before(start: Mapping[str, object], fonts: object) -> dict[str, object]:
    """What a start was made from; its typefaces only where they are others than those of what goes on from it."""
    kept = {name: each for name, each in start.items() if name != "fonts" or each != fonts}
    earlier = start.get("start")
    return {**kept, "start": _before(earlier, start.get("fonts", fonts))} if isinstance(earlier, Mapping) else kept


def fonts_of(made_from: Mapping[str, object]) -> set[str]:
    """The typefaces that a checkpoint has learned from, and what it began with, too; given what it was made from."""
    own, start = made_from.get("fonts"), made_from.get("start")
    learned = {str(each) for each in own} if isinstance(own, list) else set()
    return learned | fonts_of(start) if isinstance(start, Mapping) else learned


def _halved(learned: Checkpoint) -> Checkpoint:
    """The same with numbers of half the size: eleven bits of each are more than boxes show, and packages stay small."""
    tensors = {
        name: each.astype(np.float16) if each.dtype == np.float32 else each for name, each in learned.tensors.items()
    }
    return Checkpoint(tensors, learned.settings)


@contextmanager
def _interrupts_held(progress: Progress) -> Iterator[Progress]:
    """Processes started before the first report leave Ctrl-C to this one, which ends them: they would all complain."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield progress
        return

    def report(phase: str, done: int, total: int) -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        progress(phase, done, total)

    resource_tracker.ensure_running()  # later it would undo the next line
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield report
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _version() -> str:
    try:
        return version("charloc")
    except PackageNotFoundError:
        return "not installed"
