"""Every dynamic program: exact searches over the ways a transcript can be laid along its image.

- segmental: characters over consecutive spans between candidate cuts (semi-Markov)
- ctc: characters over the frames of a net (connectionist temporal classification)
- bag: characters over spans that do not overlap, in any order, each as often as it occurs
- edits: every transcript one edit away from a word's, and the cheapest of all, over consecutive spans
- path: characters over candidate positions in the plane (2-D beam search)

All take single words or padded batches, hold no lock while they search, and start no thread: callers do. All take pins,
each as what it forbids: infinite costs of spans, windows of frames, candidates left out. All are checked against
enumeration.
"""

from charloc.lattice.bag import best_bag, best_cover
from charloc.lattice.ctc import ctc_posterior, ctc_viterbi, frames_needed
from charloc.lattice.edits import best_reading, edit_costs
from charloc.lattice.path import best_path, best_paths
from charloc.lattice.segmental import (
    best_segmentation,
    best_segmentations,
    segmentation_posterior,
    segmentation_posteriors,
)

__all__ = [
    "best_bag",
    "best_cover",
    "best_path",
    "best_paths",
    "best_reading",
    "best_segmentation",
    "best_segmentations",
    "ctc_posterior",
    "ctc_viterbi",
    "edit_costs",
    "frames_needed",
    "segmentation_posterior",
    "segmentation_posteriors",
]
