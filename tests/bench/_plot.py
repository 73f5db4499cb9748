"""The picture of docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tests.bench._jobs import Job, Record
from tests.bench._table import ranked

SHOWN = (("r50", "#0072B2", "o", "characters right (r50)"), ("word50", "#D55E00", "s", "words right (word50)"))
"""Score, colour (Okabe and Ito's, told apart by the colour-blind), marker, name."""
TICKS = (0.1, 0.3, 0.5, 0.7, 0.9, 0.97, 0.99, 0.997)
LEAST, MOST = 0.03, 0.9985
"""What is beyond is drawn at the edge: the scale has neither 0 nor 1."""
STYLE = {
    "svg.fonttype": "none",  # letters as text: a fifth of the size, and a reader can search them
    "svg.hashsalt": "charloc",  # the same results give the same file
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Helvetica", "Arial"],  # the first comes with matplotlib
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
}


def plot(jobs: Sequence[Job], results: Mapping[str, Record], path: Path) -> None:
    """A panel per set: each method's scores on a logit scale, open without corrections, filled with 2 %."""
    jobs = [job for job in jobs if job.key in results]
    sets = list(dict.fromkeys(job.set for job in jobs)) or ["no results"]
    of_set = {name: ranked([job for job in jobs if job.set == name], results) for name in sets}
    with matplotlib.rc_context(STYLE):
        high = 1.3 + 0.24 * max(len(each) for each in of_set.values())
        rows = (len(sets) + 1) // 2
        figure = Figure(figsize=(10.4, 0.7 + rows * high), facecolor="white", layout="constrained")
        panels = figure.subplots(rows, 2, squeeze=False).ravel()
        for panel in panels[len(sets) :]:
            panel.set_visible(False)
        for panel, name in zip(panels, sets, strict=False):
            _panel(panel, name, of_set[name], results)
        figure.legend(handles=_legend(), loc="outside upper center", ncols=4, frameon=False)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None, "Title": "Methods compared"})


def _panel(panel: Axes, name: str, jobs: Sequence[Job], results: Mapping[str, Record]) -> None:
    panel.set_title(name, loc="left", fontweight="bold", fontsize=10)
    panel.set_xscale("logit", nonpositive="clip")
    panel.set_xlim(LEAST, MOST)
    panel.set_xticks(TICKS, [f"{100 * tick:g} %" for tick in TICKS])
    panel.set_xticks([], minor=True)
    panel.set_yticks(range(len(jobs)), [job.label for job in jobs])
    panel.set_ylim(len(jobs) - 0.4, -0.6)
    panel.tick_params(axis="y", length=0, pad=9)
    panel.grid(color="#e4e4e4", linewidth=0.8)
    panel.set_axisbelow(True)
    for row, job in enumerate(jobs):
        if "zero" not in results[job.key]:
            panel.text(LEAST * 1.2, row, "failed", va="center", color="#555555", style="italic")
    for score, colour, marker, _ in SHOWN:
        zero, corrected = (_places(jobs, results, part, score) for part in ("zero", "corrected"))
        both = [row for row in zero if row in corrected]
        starts, ends = [zero[row] for row in both], [corrected[row] for row in both]
        panel.hlines(both, starts, ends, color=colour, linewidth=1.2, clip_on=False)
        for places, face in ((zero, "white"), (corrected, colour)):
            style = {"color": colour, "mfc": face, "markersize": 5.5, "clip_on": False, "zorder": 3}
            panel.plot(list(places.values()), list(places), marker, **style)


def _places(jobs: Sequence[Job], results: Mapping[str, Record], part: str, score: str) -> dict[int, float]:
    """Where on the scale each row's score is, by row; no more than fits."""
    found = {row: results[job.key].get(part, {}).get(score) for row, job in enumerate(jobs)}
    return {row: min(max(value, LEAST), MOST) for row, value in found.items() if value is not None}


def _legend() -> list[Line2D]:
    marks = [Line2D([], [], color=colour, marker=marker, label=label) for _, colour, marker, label in SHOWN]
    for label, face in (("no corrections", "white"), ("2 % of the words corrected", "#555555")):
        marks.append(Line2D([], [], color="#555555", marker="o", mfc=face, linestyle="", label=label))
    return marks
