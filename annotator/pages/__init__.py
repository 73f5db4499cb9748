"""The pages, one file each, and the frame they stand in.

Gradio gives the frame; what moves is in `static/`, because a round trip per key press would be felt. Each component
here has a constant template (text comes in as textContent only) and hands its element to a static module.
"""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from annotator.pages.annotate import Editor
from annotator.pages.audit import AuditPage
from annotator.pages.glyphs import GlyphSheet
from annotator.pages.people import People
from annotator.pages.rounds import Header, RoundsTable
from annotator.pages.suspicious import SuspiciousList
from annotator.pages.words import WordList

STATIC = Path(__file__).parents[1] / "static"
MODULES = tuple(sorted(path.stem for path in STATIC.glob("*.js")))
COMMON = ("frame", "stage", "editor")
STYLES = (*COMMON, *sorted(path.stem for path in STATIC.glob("*.css") if path.stem not in COMMON))

# System fonts: nothing is fetched from elsewhere, and they hold more scripts than a web font.
THEME = gr.themes.Base(
    primary_hue="blue",
    neutral_hue="slate",
    font=["system-ui", "-apple-system", "Segoe UI", "Noto Sans", "sans-serif"],
    font_mono=["ui-monospace", "SFMono-Regular", "Menlo", "monospace"],
)


def build(name: str, static: str) -> gr.Blocks:
    """All pages of the application.

    Args:
        name: what the project is called.
        static: where the static files are served, without a slash at the end.
    """
    with gr.Blocks(title=f"{name} – charloc", analytics_enabled=False, fill_width=True) as pages:
        Header(static, elem_id="charloc-header")
        with gr.Tabs(elem_id="charloc-tabs"):
            with gr.Tab("Annotate"):
                Editor(static, elem_id="charloc-editor")
            with gr.Tab("Words"):
                WordList(static, elem_id="charloc-words")
            with gr.Tab("Glyphs"):
                GlyphSheet(static, elem_id="charloc-glyphs")
            with gr.Tab("Rounds"):
                RoundsTable(static, elem_id="charloc-rounds")
            with gr.Tab("Suspicious"):
                SuspiciousList(static, elem_id="charloc-suspicious")
            with gr.Tab("Audit"):
                AuditPage(static, elem_id="charloc-audit")
            with gr.Tab("People", elem_id="charloc-people-tab"):
                People(static, elem_id="charloc-people")
    return pages


def head(static: str) -> str:
    """What goes into the page's <head>: styles, and modules fetched at once rather than one import after the other."""
    styles = [f'<link rel="stylesheet" href="{static}/{name}.css">' for name in STYLES]
    modules = [f'<link rel="modulepreload" href="{static}/{name}.js">' for name in MODULES]
    icon = f'<link rel="icon" href="{static}/icon.svg" type="image/svg+xml">'
    return "\n".join([*styles, *modules, icon, '<meta name="color-scheme" content="light dark">'])
