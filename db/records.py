"""What the store takes and gives: frozen, slotted records, and the errors it raises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from charloc.types import Box, CharlocError

MarkState = Literal["untouched", "accepted", "pinned", "invisible"]
CorrectionKind = Literal["boxes", "flag", "skip", "clear"]
RoundState = Literal["running", "finished", "interrupted", "cancelled", "failed"]
EndState = Literal["interrupted", "cancelled", "failed"]
Wish = Literal["cancel", "pause"]
"""What a person wants of a running round: to stop for good, or so that it can be gone on with."""


class StoreError(CharlocError):
    """The project's database cannot be used as asked; the message says why and what to do."""


class NoProject(StoreError):
    """There is no project where one was expected."""


class NewerProject(StoreError):
    """The project was written by a newer charloc than this one."""


class UnknownItem(StoreError):
    """A word, image or round was asked for that the project does not have."""


class RecordError(StoreError):
    """A record that cannot be kept as it is: the message names the item and what is wrong with it."""


class RoundBusy(StoreError):
    """A round is being worked on by a process that is alive."""

    def __init__(self, message: str, running: Round) -> None:
        super().__init__(message)
        self.running = running


class RoundLost(StoreError):
    """The round is no longer this worker's: it has ended, or another process took it over. Stop working on it."""


class Conflict(StoreError):
    """Someone else decided about this word meanwhile.

    Args:
        in_force: the decision that holds now; None if it was cleared.
    """

    def __init__(self, message: str, in_force: Correction | None) -> None:
        super().__init__(message)
        self.in_force = in_force


@dataclass(frozen=True, slots=True)
class AddReport:
    """What became of the items given to `Store.add_words`.

    Args:
        added: words that are new in the project.
        already: items whose image and transcript the project had, or that came twice.
    """

    added: int
    already: int


@dataclass(frozen=True, slots=True)
class Word:
    """An image of a word or line with its transcript, as the project keeps it.

    Args:
        id: the project's number for it; ids grow in the order of import.
        key: sha256 (hex) of the image file, a NUL and the transcript in UTF-8: the same item has the same key.
        name: where it came from, relative to what was imported.
        text: the transcript, NFC.
        characters: L grapheme clusters in reading order, as counted when it was imported.
        image_sha: sha256 (hex) of the image file; see `Store.image`.
        width, height: of the image, px.
        meta: page, source, font and whatever else the item carried.
        imported: the characters as they were imported; `characters` and `text` are what a correction in force says
            instead, if it says so.
    """

    id: int
    key: str
    name: str
    text: str
    characters: tuple[str, ...]
    image_sha: str
    width: int
    height: int
    meta: Mapping[str, object]
    imported: tuple[str, ...] = ()

    def reading(self, text: tuple[str, ...] | None) -> Word:
        """The word with these characters, as a correction has them; None for those that were imported."""
        characters = self.imported if text is None else text
        return replace(self, text="".join(characters), characters=characters)


@dataclass(frozen=True, slots=True)
class Reference:
    """True boxes that came with an item: for scoring only, never shown to anything that learns.

    Args:
        boxes: one per code point of the word's `text`; None for a space.
        approx: indices (code points) whose box is not exact.
    """

    boxes: tuple[Box | None, ...]
    approx: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Prequential:
    """How wrong a round's parent was, by corrections that had not yet been learned from: the honest number.

    Args:
        words, chars: how many words, and pinned or accepted characters, were compared.
        centre_h: mean distance between proposed and corrected centres, in word heights.
        wrong: how many of `chars` were proposed so far off that the box could not be used.
    """

    words: int
    chars: int
    centre_h: float
    wrong: int


@dataclass(frozen=True, slots=True)
class RoundStats:
    """The numbers a round ends with.

    Args:
        words: how many words were localized.
        seconds: wall clock of the whole round.
        words_per_s: speed of the E-step.
        log_likelihood: mean score per character, nats.
        moved: characters that moved since the parent round.
        learned: what the M-step reported; numbers that are not finite are left out when stored.
        prequential: error of the parent against new corrections, where there were any.
        heldback: error of this round against corrections that no round of its line has learned from, where there
            were any.
        heldback_share: the share of corrected words that it did not learn from; 0 where there were too few.
    """

    words: int
    seconds: float
    words_per_s: float
    log_likelihood: float
    moved: int
    learned: Mapping[str, float] = field(default_factory=dict)
    prequential: Prequential | None = None
    heldback: Prequential | None = None
    heldback_share: float = 0.0


@dataclass(frozen=True, slots=True)
class Round:
    """One round of EM, running or ended.

    Args:
        id: the project's number for this attempt.
        number: 0 for the first guess, then 1, 2 ... among finished rounds; an attempt that did not finish has the
            number that it would have had.
        method: name of the method.
        state: as of reading. A round whose process died or fell silent reads as "interrupted".
        parent_id: the round it starts from.
        settings: passed to the method; plain JSON.
        corrections_upto: the highest correction id when it began; later ones are for the next round.
        phase, done, total, message: how far it is; for people.
        pid, host: the process that works, or worked, on it.
        attempt: 1, and one more for every time it was taken over.
        started_at, finished_at, heartbeat_at: aware, UTC. `finished_at` is set however it ended.
        cancel_requested: someone asked it to stop for good.
        pause_requested: someone asked it to stop so that it can be gone on with.
        checkpoint: name of its checkpoint in the project's `checkpoints/`.
        log_likelihood ... prequential: see `RoundStats`; None (or 0, empty) until it has finished.
    """

    id: int
    number: int
    method: str
    state: RoundState
    parent_id: int | None
    settings: Mapping[str, object]
    corrections_upto: int
    phase: str
    done: int
    total: int
    message: str
    pid: int
    host: str
    attempt: int
    started_at: datetime
    finished_at: datetime | None
    heartbeat_at: datetime
    cancel_requested: bool
    checkpoint: str | None = None
    words: int = 0
    seconds: float | None = None
    words_per_s: float | None = None
    log_likelihood: float | None = None
    moved: int | None = None
    learned: Mapping[str, float] = field(default_factory=dict)
    prequential: Prequential | None = None
    heldback: Prequential | None = None
    heldback_share: float | None = None
    pause_requested: bool = False


@dataclass(frozen=True, slots=True)
class CharacterMark:
    """What a person said about one character.

    Args:
        state: "pinned": `box` was drawn or moved; "accepted": `box` is right as it was shown (None for a character
            that has none, such as a space); "invisible": there is nothing to see, `box` is None; "untouched": nobody
            looked, `box` is what was shown, or None.
        box: pixel edges of the original image.
    """

    state: MarkState
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class NewCorrection:
    """A decision about one word, as a client sends it.

    Args:
        word_id: the word.
        uuid: chosen by the client, once per decision: what makes sending it again harmless. 1 to 64 characters.
        kind: "boxes": `characters` says where they are; "flag": the transcript or image is wrong, `reason` says how;
            "skip": not now; "clear": take back what was said.
        characters: one per character of the word, in reading order, for "boxes"; empty for the others.
        reason: free text.
        round_id: the round whose proposal was shown, if any.
        base_id: id of the correction that was in force when the person looked; None if none was.
        author: who; empty where nobody logs in.
        text: the transcript's characters (grapheme clusters in reading order), if they are not those that were
            imported; `characters` is then about these. A correction says all that holds: one without `text` gives
            the imported transcript back.
    """

    word_id: int
    uuid: str
    kind: CorrectionKind
    characters: tuple[CharacterMark, ...] = ()
    reason: str = ""
    round_id: int | None = None
    base_id: int | None = None
    author: str = ""
    text: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Correction:
    """A decision about one word, as it is kept: never changed, never removed. Fields as in `NewCorrection`.

    Args:
        id: grows with every correction in the project.
        created_at: when it was stored; aware, UTC.
    """

    id: int
    word_id: int
    uuid: str
    kind: CorrectionKind
    characters: tuple[CharacterMark, ...]
    reason: str
    round_id: int | None
    base_id: int | None
    author: str
    created_at: datetime
    text: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """How far the project is.

    Args:
        words: all of them.
        corrected: words with boxes in force.
        accepted_characters, pinned_characters: characters so marked in the corrections in force.
        flagged, skipped: words so marked.
        corrected_today: of `corrected`, those whose correction was made since midnight, local time.
    """

    words: int
    corrected: int
    accepted_characters: int
    pinned_characters: int
    flagged: int
    skipped: int
    corrected_today: int
