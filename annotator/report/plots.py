"""Numbers over the rounds as a curve: SVG that needs no script."""

from __future__ import annotations

from collections.abc import Sequence

from annotator.report.markup import Html, tag

WIDTH, HEIGHT = 340, 150
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 12, 28


def curve(title: str, unit: str, numbers: Sequence[int], values: Sequence[float | None]) -> Html:
    """Values by number of the round; a round without one is left out.

    Args:
        title: what is shown.
        unit: stands behind the values.
        numbers, values: one per round.
    """
    points = [(number, value) for number, value in zip(numbers, values, strict=True) if value is not None]
    said = ", ".join(f"round {number}: {value:.3g}{unit}" for number, value in points)
    heading = tag("figcaption", title)
    if len(points) < 2:
        return tag("figure", heading, tag("p", said or "No numbers yet.", class_="soft"), class_="plot")
    low, high = min(0.0, *(value for _, value in points)), max(value for _, value in points)
    high = high if high > low else low + 1.0
    first, last = points[0][0], points[-1][0]

    def x(number: int) -> float:
        return LEFT + (number - first) / max(last - first, 1) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM)

    axis = [
        part
        for value in (low, high)
        for part in (
            tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=f"{y(value):.1f}", y2=f"{y(value):.1f}", class_="grid"),
            tag("text", f"{value:.3g}{unit}", x=LEFT - 6, y=f"{y(value) + 4:.1f}", text_anchor="end"),
        )
    ]
    ends = [
        tag("text", f"round {number}", x=f"{x(number):.1f}", y=HEIGHT - 8, text_anchor=anchor)
        for number, anchor in ((first, "start"), (last, "end"))
    ]
    line = tag("polyline", points=" ".join(f"{x(n):.1f},{y(v):.1f}" for n, v in points))
    dots = [tag("circle", tag("title", f"round {n}: {v:.4g}{unit}"), cx=f"{x(n):.1f}", cy=f"{y(v):.1f}", r=3.5)
            for n, v in points]  # fmt: skip
    drawing = tag("svg", tag("title", f"{title}. {said}"), *axis, *ends, line, *dots, role="img",
                  viewBox=f"0 0 {WIDTH} {HEIGHT}")  # fmt: skip
    return tag("figure", heading, drawing, class_="plot")
