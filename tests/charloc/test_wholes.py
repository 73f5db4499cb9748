"""Spans as a whole: what is learned from, and the scores of all spans at once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from charloc.ink import Ink, find_ink
from charloc.learning_spans import OTHER, SAME, near_spans
from charloc.nets import STRIDE, SegmentalNet
from charloc.normalise import View, view
from charloc.spans import find_spans
from charloc.synth import load_font, render
from charloc.wholes import LEAST, Wholes

WORD, START, END, NAME = (np.array(each) for each in ([0, 0, 0, 1], [2, 8, 14, 5], [8, 14, 20, 6], [3, 4, 5, 3]))


def test_own_spans_are_their_characters_and_others_what_they_are_like() -> None:
    found = near_spans(WORD, START, END, NAME, 24, np.random.default_rng(0))
    np.testing.assert_array_equal(found[:4], np.stack([WORD, START, END, NAME, np.arange(4)], axis=1))
    labels = set()
    for seed in range(20):
        for word, low, high, label, of in near_spans(WORD, START, END, NAME, 24, np.random.default_rng(seed))[4:]:
            assert 0 <= low < high <= 24 and word == WORD[of]
            shared = [max(0, min(high, e) - max(low, s)) for s, e in zip(START, END, strict=True)]
            overlap = [
                n / (high - low + e - s - n) if w == word else 0
                for n, s, e, w in zip(shared, START, END, WORD, strict=True)
            ]
            best = int(np.argmax(overlap))
            assert overlap[best] >= SAME if label else overlap[best] <= OTHER
            assert label in (0, NAME[best])
            labels.add(int(label))
    assert labels == {0, 3, 4, 5}


def test_two_characters_together_are_none() -> None:
    found = near_spans(WORD, START, END, NAME, 24, np.random.default_rng(0)).tolist()
    assert [0, 8, 20, 0, 1] in found, "4 and 5 together"
    assert not any(row[:3] == [1, 5, 20] for row in found), "the last of one word and the first of another"


def test_scores_of_all_spans_are_those_of_each() -> None:
    net, features, seen, ink = seen_by_a_net("noon at noon")
    spans = find_spans(ink, 3.0, 12)
    with torch.inference_mode():
        length = features.shape[1]
        classes = np.array([2, 0, 4, 2])
        found, which = Wholes(net, features, seen).log_probs(spans, classes)
        assert found.shape == (2, *spans.width.shape) and found.min() >= LEAST
        assert which.tolist() == [0, -1, 1, 0]
        tried = 0
        for i in range(0, len(spans.columns) - 3, 3):
            for d in (0, 2):
                ends = seen.frames(np.array([spans.next_ink[i], spans.last_ink[i + 1 + d]]), STRIDE)
                start = int(np.clip(np.rint(ends[0]), 0, length - 1))
                end = int(np.clip(np.rint(ends[1]), 1, length))
                if end <= start or d >= spans.width.shape[1]:
                    continue
                at = (torch.tensor([each]) for each in (0, start, end))
                alone = torch.log_softmax(net.wholes(features[None], *at), dim=1)[0].clamp(min=LEAST)
                np.testing.assert_allclose(found[:, i, d], alone[[2, 4]], atol=2e-4)
                tried += 1
    assert tried > 10


def test_a_long_line_is_looked_at_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    net, features, seen, ink = seen_by_a_net("m" * 30)
    spans = find_spans(ink, 3.0, 30)
    whole, _ = Wholes(net, features, seen).log_probs(spans, np.array([1]))
    monkeypatch.setattr("charloc.wholes.AT_ONCE", 7)
    again, _ = Wholes(net, features, seen).log_probs(spans, np.array([1]))
    np.testing.assert_allclose(again, whole, atol=1e-5)


def test_what_was_made_before_is_what_would_be_made_now() -> None:
    """With other cuts, with longer spans, and with another transcript."""
    net, features, seen, ink = seen_by_a_net("minimum")
    kept = Wholes(net, features, seen)
    asked = [(3.0, [1, 2], [20]), (3.0, [1, 2], [20, 31]), (3.0, [2], [44]), (9.0, [2, 1], []), (3.0, [4, 0, 2], [7])]
    for longest, classes, extra in asked:
        spans = find_spans(ink, longest, len(classes), np.array(extra, dtype=np.int32))
        found, which = kept.log_probs(spans, np.array(classes))
        fresh, same = Wholes(net, features, seen).log_probs(spans, np.array(classes))
        assert which.tolist() == same.tolist()
        np.testing.assert_allclose(found, fresh, atol=1e-5)


def test_a_net_is_asked_only_for_what_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    net, features, seen, ink = seen_by_a_net("minimum")
    asked: list[int] = []
    scores = Wholes._scores

    def counted(self: Wholes, first: np.ndarray, frames: np.ndarray) -> np.ndarray:
        asked.append(len(first))
        return scores(self, first, frames)

    monkeypatch.setattr(Wholes, "_scores", counted)
    kept = Wholes(net, features, seen)
    for extra in ((), (), range(34, 44)):
        kept.log_probs(find_spans(ink, 3.0, 7, np.array([*extra], dtype=np.int32)), np.array([1, 2, 3]))
    assert len(asked) == 2 and asked[1] < asked[0]


def seen_by_a_net(text: str) -> tuple[SegmentalNet, torch.Tensor, View, Ink]:
    torch.manual_seed(0)
    net = SegmentalNet(5).eval()
    torch.nn.init.normal_(net.whole[2].weight, 0, 0.5)
    word = render(text, load_font(None, 30), np.random.default_rng(0)).word(0)
    ink = find_ink(word.pixels)
    seen = view(ink)
    with torch.inference_mode():
        features = net.features(torch.from_numpy(seen.pixels[None, None] / np.float32(255)))[0]
    return net, features, seen, ink
