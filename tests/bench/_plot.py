"""The pictures of docs/benchmarks.md."""

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
LINES = (("#0072B2", "o"), ("#D55E00", "s"), ("#009E73", "^"), ("#CC79A7", "D"), ("#E69F00", "v"), ("#56B4E9", "P"))
"""Colour and marker of each line, where there are several."""
ORDERS = {"queue": "as the application asks", "least": "by the least certain character", "random": "by chance"}
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
        _save(figure, path, "Methods compared")


def plot_reliability(records: Sequence[Record], path: Path) -> None:
    """A line per set: of boxes a method is so sure of, how many are right; below, how many there are of each."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8.0, 5.6), facecolor="white", layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
        upper.plot([0, 1], [0, 1], color="#999999", linewidth=1, linestyle=":")
        for record, (colour, marker) in zip(records, LINES, strict=False):
            sure, share, held = zip(*record["curve"], strict=True)
            style = {"color": colour, "marker": marker, "markersize": 4.5, "linewidth": 1.2}
            label = record["set"] if record["ece"] is None else f"{record['set']}, ECE {record['ece']:.3f}"
            upper.plot(sure, share, label=label, **style)
            lower.plot(sure, [count / record["chars"] for count in held], **style)
        upper.set_ylabel("share that is right (IoU ≥ 0.5)")
        lower.set_ylabel("of all")
        lower.set_xlabel("confidence")
        lower.set_yscale("log")
        for panel in (upper, lower):
            panel.grid(color="#e4e4e4", linewidth=0.8)
            panel.set_axisbelow(True)
        figure.legend(*upper.get_legend_handles_labels(), frameon=False, loc="outside right upper")
        _save(figure, path, "Reliability")


def plot_effort(results: Mapping[str, Sequence[Record]], path: Path) -> None:
    """A panel per set: word50 of the words nobody corrected, by the share that was and by order; dashed: the same
    words after a round without corrections."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(4.8 * max(len(results), 1), 3.8), facecolor="white", layout="constrained")
        panels = figure.subplots(1, max(len(results), 1), squeeze=False).ravel()
        for panel, (name, records) in zip(panels, results.items(), strict=False):
            panel.set_title(name, loc="left", fontweight="bold", fontsize=10)
            panel.set_xlabel("words corrected, %")
            panel.set_ylabel("words right (word50), of the others")
            panel.grid(color="#e4e4e4", linewidth=0.8)
            panel.set_axisbelow(True)
            orders = dict.fromkeys(record["order"] for record in records if record["share"])
            for order, (colour, marker) in zip(orders, LINES, strict=False):
                # Where nobody is asked, all orders are one.
                line = sorted((each for each in records if each["order"] == order or not each["share"]), key=_share)
                x = [100 * _share(each) for each in line]
                after, control = ([each["others"][name]["word50"] for each in line] for name in ("after", "control"))
                panel.plot(x, after, color=colour, marker=marker, markersize=5, linewidth=1.4, label=ORDERS[order])
                panel.plot(x, control, color=colour, linewidth=1, linestyle="--")
            panel.legend(frameon=False, loc="best", title="dashed: without corrections", title_fontsize=8)
        _save(figure, path, "The person's effort")


def _share(record: Record) -> float:
    return float(record["share"])


def _save(figure: Figure, path: Path, title: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None, "Title": title})


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
