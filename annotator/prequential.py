"""How wrong a round was, judged by what people corrected before anything learned from it: the honest number."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from charloc.metrics import iou
from charloc.types import Localization
from db import Correction, Prequential, Round, Store

WRONG_IOU = 0.5


def prequential(store: Store, parent: Round, corrections_upto: int) -> Prequential | None:
    """The parent round's error on the words corrected since it began.

    Args:
        store: the project's store.
        parent: the round whose proposals are judged.
        corrections_upto: the highest correction id to look at.

    Returns:
        The numbers, or None if no word was corrected for the first time in that span.
    """
    new = first_corrected_since(store, parent, corrections_upto)
    return compare(new, store.proposals(parent.id, list(new))) if new else None


def first_corrected_since(store: Store, parent: Round, corrections_upto: int | None = None) -> dict[int, Correction]:
    """The words whose boxes were corrected for the first time since a round began, by id.

    Args:
        corrections_upto: the highest correction id to look at; None for all there are.
    """
    before = _with_boxes(store, parent.corrections_upto)
    return {word_id: each for word_id, each in _with_boxes(store, corrections_upto).items() if word_id not in before}


def compare(corrections: Mapping[int, Correction], proposals: Mapping[int, Localization]) -> Prequential | None:
    """Proposed against corrected boxes.

    Args:
        corrections: of kind "boxes", by word id.
        proposals: by word id; words without one do not count.

    Returns:
        `centre_h` in medians of the word's box heights, a character without a proposed box counting 1;
        `wrong` counts characters that overlap by less than half (IoU < `WRONG_IOU`). None if nothing can be compared.
    """
    words, distances_h, wrong = 0, [], 0
    for word_id, correction in corrections.items():
        proposal = proposals.get(word_id)
        if proposal is None or len(proposal.boxes) != len(correction.characters):
            continue
        boxes = proposal.boxes.astype(np.float64)
        said = np.full(boxes.shape, np.nan)
        for index, mark in enumerate(correction.characters):
            if mark.state in ("pinned", "accepted") and mark.box is not None:
                said[index] = mark.box
        judged = ~np.isnan(said[:, 0])
        if not judged.any():
            continue
        best = np.where(judged[:, None], said, boxes)
        height = float(np.nanmedian(best[:, 3] - best[:, 1]))
        shift = (boxes[judged, :2] + boxes[judged, 2:] - said[judged, :2] - said[judged, 2:]) / 2
        distances_h.extend(np.nan_to_num(np.hypot(shift[:, 0], shift[:, 1]) / height, nan=1.0).tolist())
        wrong += int(np.sum(iou(boxes[judged], said[judged]) < WRONG_IOU))
        words += 1
    if not words:
        return None
    return Prequential(words=words, chars=len(distances_h), centre_h=float(np.mean(distances_h)), wrong=wrong)


def _with_boxes(store: Store, upto: int | None) -> dict[int, Correction]:
    in_force = store.corrections_in_force(upto=upto)
    return {word_id: each for word_id, each in in_force.items() if each.kind == "boxes"}
