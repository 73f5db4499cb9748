"""Segmentation by backpropagation: the ink that moves a character's output is the character.

First guess and learned: as `ctc`, whose checkpoint it may start from. Re-aligned: each aligned output's derivative by
the pixels, times their ink; the middle of that is where the character is.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from charloc.attribution import Floats, Outputs, gradient_maps
from charloc.methods import Checkpoint
from charloc.methods._attributing import Attributing
from charloc.types import CharlocError


class Gradient(Attributing):
    """The method `gradient`. See the module's docstring.

    Args:
        checkpoint: from an earlier round or of `ctc`, or None to start fresh.
        refine: "integrated" (the mean over several strengths of ink, see `attribution.gradient_maps`) or "none".
        samples: how many strengths.
        region: see `Attributing`.
        alignment, loss, prior, seed: as for `ctc`.
    """

    name = "gradient"

    def __init__(
        self,
        checkpoint: Checkpoint | None = None,
        *,
        refine: str = "integrated",
        samples: int = 4,
        region: str = "ink",
        alignment: str | None = None,
        loss: str | None = None,
        prior: float | None = None,
        seed: int = 0,
    ) -> None:
        if refine not in ("integrated", "none"):
            raise CharlocError(f"refine is '{refine}'; it can be integrated or none.")
        if not 1 <= samples <= 64:
            raise CharlocError(f"samples is {samples}; it can be 1 to 64.")
        self.samples = samples if refine == "integrated" else 0
        super().__init__(checkpoint, alignment, loss, prior, seed, region)

    def _maps(self, views: Tensor, frames: Tensor, asked: Outputs) -> Iterator[Floats]:
        yield from gradient_maps(self._learned(), views, frames, asked, self.samples)
