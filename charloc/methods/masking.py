"""Segmentation by masking: where covering the ink changes a character's output, there the character is.

First guess and learned: as `ctc`, whose checkpoint it may start from. Re-aligned: a bar of paper moves over the word,
upright from left to right and level from top to bottom; what each aligned output loses by it, column by column and row
by row, is multiplied to a map; the middle of that is where the character is.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from charloc.attribution import Floats, Outputs, masking_profiles, outer
from charloc.methods import Checkpoint
from charloc.methods._attributing import Attributing
from charloc.normalise import HEIGHT
from charloc.types import CharlocError


class Masking(Attributing):
    """The method `masking`. See the module's docstring.

    Args:
        checkpoint: from an earlier round or of `ctc`, or None to start fresh.
        width: of the bar, in 16ths of a core height.
        stride: from one place of the bar to the next, likewise.
        region: see `Attributing`.
        alignment, loss, prior, seed: as for `ctc`.
    """

    name = "masking"

    def __init__(
        self,
        checkpoint: Checkpoint | None = None,
        *,
        width: int = 6,
        stride: int = 3,
        region: str = "ink",
        alignment: str | None = None,
        loss: str | None = None,
        prior: float | None = None,
        seed: int = 0,
    ) -> None:
        if not 1 <= width <= HEIGHT:
            raise CharlocError(f"width is {width}; it can be 1 to {HEIGHT}.")
        if not 1 <= stride <= width:
            raise CharlocError(f"stride is {stride}; it can be 1 to the bar's width, {width}.")
        self.width, self.stride = width, stride
        super().__init__(checkpoint, alignment, loss, prior, seed, region)

    def _maps(self, views: Tensor, frames: Tensor, asked: Outputs) -> Iterator[Floats]:
        across, down = masking_profiles(self._learned(), views, frames, asked, self.width, self.stride)
        for one, other in zip(across, down, strict=True):
            yield outer(one, other)
