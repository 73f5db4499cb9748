"""The colours of confidence and of what a person said are told apart, whatever colours one sees."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import annotator

CSS = (Path(annotator.__file__).parent / "static" / "frame.css").read_text(encoding="utf-8")
GRAPHICS_CONTRAST = 3.0
"""WCAG 2.2, success criterion 1.4.11."""
APART = 12.0
"""CIE L*a*b* distance; 2.3 is just noticeable."""

# Machado, Oliveira and Fernandes 2009, "A physiologically-based model for simulation of color vision deficiency",
# severity 1.0, on linear RGB.
EYES = {
    "all colours": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
    "no colours": np.tile([0.2126, 0.7152, 0.0722], (3, 1)),
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def palettes() -> dict[str, dict[str, NDArray[np.float64]]]:
    """Linear RGB of each named colour, on paper and on dark ground."""
    found: dict[str, dict[str, NDArray[np.float64]]] = {"light": {}, "dark": {}}
    for selector, body in re.findall(r"([^{}]+)\{([^{}]*)\}", CSS):
        first = selector.split("*/")[-1].strip().split(",")[0]
        theme = {":root": "light", ".dark": "dark"}.get(first)
        if theme:
            found[theme] |= {name: linear(value) for name, value in re.findall(r"--cl-([\w-]+): (#[0-9a-f]{6})", body)}
    return found


def linear(colour: str) -> NDArray[np.float64]:
    value = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def luminance(colour: NDArray[np.float64]) -> float:
    return float(colour @ [0.2126, 0.7152, 0.0722])


def contrast(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def lab(colour: NDArray[np.float64]) -> NDArray[np.float64]:
    share = TO_XYZ @ np.clip(colour, 0, 1) / [0.95047, 1.0, 1.08883]
    f = np.where(share > 0.008856, np.cbrt(share), 7.787 * share + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("eyes", EYES)
def test_levels_are_told_apart_and_go_from_light_to_dark(theme: str, eyes: str) -> None:
    colours = palettes()[theme]
    seen = [lab(EYES[eyes] @ colours[f"level-{k}"]) for k in range(4)]
    lightness = [each[0] for each in seen]
    assert all(a - b > 8 for a, b in pairwise(lightness)), lightness
    for k in range(4):
        for other in range(k):
            assert np.linalg.norm(seen[k] - seen[other]) > APART, (k, other)
    if eyes != "no colours":  # there the line tells it
        yours = lab(EYES[eyes] @ colours["yours"])
        assert min(np.linalg.norm(yours - each) for each in seen) > APART


@pytest.mark.parametrize(("theme", "grounds"), [("light", ["#ffffff"]), ("dark", ["card", "sunk"])])
def test_each_stands_out_from_its_ground(theme: str, grounds: list[str]) -> None:
    colours = palettes()[theme]
    for ground in grounds:
        behind = linear(ground) if ground.startswith("#") else colours[ground]
        for name in ("level-0", "level-1", "level-2", "level-3", "yours"):
            assert contrast(colours[name], behind) >= GRAPHICS_CONTRAST, (name, ground)
