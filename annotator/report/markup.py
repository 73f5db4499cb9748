"""HTML and SVG out of Python: whatever is not markup already is escaped, so that nothing in a project can become it."""

from __future__ import annotations

from html import escape

VOID = frozenset({"meta", "img", "br", "line", "rect", "circle", "polyline", "image"})


class Html(str):
    """Text that is markup."""

    __slots__ = ()


def tag(name: str, /, *children: object, **attributes: object) -> Html:
    """An element.

    Args:
        name: of the element.
        children: markup as it is, anything else as text, escaped; None is left out.
        attributes: a trailing _ in a name is dropped, any other becomes -; None is left out.

    >>> tag("b", "a < b", class_="x")
    '<b class="x">a &lt; b</b>'
    """
    named = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"' for key, value in attributes.items()
        if value is not None
    )  # fmt: skip
    inside = join(*children)
    if not inside and name in VOID:
        return Html(f"<{name}{named}>" if name in ("meta", "img", "br") else f"<{name}{named}/>")
    return Html(f"<{name}{named}>{inside}</{name}>")


def join(*children: object) -> Html:
    """Children one after the other, escaped where they are text."""
    return Html("".join(each if isinstance(each, Html) else escape(str(each)) for each in children if each is not None))
