"""Spans as a whole: what is learned from, and the scores of all spans at once."""

from __future__ import annotations

import numpy as np
import torch

from charloc.ink import find_ink
from charloc.learning_spans import OTHER, SAME, near_spans
from charloc.nets import STRIDE, SegmentalNet
from charloc.normalise import view
from charloc.spans import find_spans
from charloc.synth import load_font, render
from charloc.wholes import LEAST, ROWS, whole_log_probs

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
    torch.manual_seed(0)
    net = SegmentalNet(5).eval()
    torch.nn.init.normal_(net.whole[2].weight, 0, 0.5)
    word = render("noon at noon", load_font(None, 30), np.random.default_rng(0)).word(0)
    ink = find_ink(word.pixels)
    seen, spans = view(ink), find_spans(ink, 3.0, 12)
    with torch.inference_mode():
        features = net.features(torch.from_numpy(seen.pixels[None, None] / np.float32(255)))[0]
        length = features.shape[1]
        classes = np.array([2, 0, 4, 2])
        found = whole_log_probs(net, features, seen, spans, classes)
        assert found.shape == (4, *spans.width.shape) and not found[1].any() and found.min() >= LEAST
        np.testing.assert_array_equal(found[0], found[3])
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
                np.testing.assert_allclose(found[[0, 2], i, d], alone[[2, 4]], atol=2e-4)
                tried += 1
    assert tried > 10


def test_a_long_line_is_looked_at_in_pieces() -> None:
    net = SegmentalNet(3).eval()
    word = render("m" * 30, load_font(None, 30), np.random.default_rng(0)).word(0)
    ink = find_ink(word.pixels)
    seen, spans = view(ink), find_spans(ink, 3.0, 30)
    with torch.inference_mode():
        features = net.features(torch.from_numpy(seen.pixels[None, None] / np.float32(255)))[0]
        whole = whole_log_probs(net, features, seen, spans, np.array([1]))
        import charloc.wholes as module

        rows, module.ROWS = ROWS, 7
        try:
            np.testing.assert_allclose(whole_log_probs(net, features, seen, spans, np.array([1])), whole, atol=1e-5)
        finally:
            module.ROWS = rows
