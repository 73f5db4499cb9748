"""What words are asked for, and in which order: the same from the editor's queue, a link and the list of words."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Literal

Queue = Literal["uncertain", "apart", "both", "diverse", "character", "flagged", "random", "recent", "import"]
State = Literal["open", "skipped", "corrected", "flagged", "any"]


@dataclass(frozen=True, slots=True)
class Asked:
    """Which words, and in which order.

    Args:
        queue: "uncertain": the least certain first; "apart": where methods disagree most; "both": the two together;
            "diverse": uncertain ones that are not like those before them; "character": least certain of `character`;
            "flagged": words, and characters of words, that people flagged, newest first; "random": a shuffle that
            `seed` names; "recent": corrected last first; "import": in the order of import.
        character: the character that "character" is about.
        state: "open": nobody has decided yet (skipped ones come last); "skipped", "corrected", "flagged": those alone;
            "any": all.
        page, source, tag: only words of these; "" for all.
        text: only words whose transcript or name has this in it, whatever the case and the accents; "" for all.
        seed: of the shuffle.
    """

    queue: Queue = "uncertain"
    character: str = ""
    state: State = "open"
    page: str = ""
    source: str = ""
    tag: str = ""
    text: str = ""
    seed: int = 0

    @property
    def filtered(self) -> bool:
        """Whether words may be left out that the queue itself would have."""
        return bool(self.page or self.source or self.tag or self.text)


def folded(text: str) -> str:
    """`text` as it is searched: without accents, in one case.

    >>> folded("Táiliúr ẞ")
    'tailiur ss'
    """
    marked = unicodedata.normalize("NFKD", text)
    plain = "".join(each for each in marked if not unicodedata.combining(each))
    return unicodedata.normalize("NFC", plain.casefold())
