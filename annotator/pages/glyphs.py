"""The page of glyph sheets: every crop of one character side by side, the most unusual first."""

from __future__ import annotations

import gradio as gr

TEMPLATE = """
<section class="cl-glyphs" data-role="glyphs" aria-label="Glyphs">
  <div class="cl-filters">
    <select data-role="character" aria-label="Character"></select>
    <select data-role="order" aria-label="Order">
      <option value="unusual">Most unusual first</option>
      <option value="unsure">Least certain first</option>
      <option value="import">In order of import</option>
    </select>
    <button type="button" data-do="choose" aria-pressed="false"
      title="Clicks choose crops instead of opening their words">Choose</button>
    <button type="button" data-do="accept" data-least="annotator" class="cl-primary" disabled>
      Accept<kbd>A</kbd></button>
    <button type="button" data-do="flag" data-least="annotator" disabled>Flag<kbd>F</kbd></button>
    <button type="button" data-do="unflag" data-least="annotator" disabled>Unflag<kbd>U</kbd></button>
    <button type="button" data-do="open" disabled>Open words<kbd>O</kbd></button>
    <span class="cl-left" data-role="said" role="status"></span>
  </div>
  <p class="cl-hint" data-role="hint">Click a crop to open its word. Drag, Shift or Ctrl and click, or arrow keys with
    Shift and Space, to choose many.</p>
  <div class="cl-glyph-scroll" data-role="scroll" tabindex="0" role="grid" aria-multiselectable="true"
    aria-label="Crops"><div class="cl-glyph-room" data-role="room" role="presentation"></div></div>
  <div class="cl-empty" data-role="none" hidden></div>
</section>
"""


class GlyphSheet(gr.HTML):
    """Every crop of one character (`static/glyphs.js`)."""

    def __init__(self, static: str, **settings: object) -> None:
        super().__init__(
            html_template=TEMPLATE,
            js_on_load=f"import('{static}/glyphs.js').then((glyphs) => glyphs.mount(element))",
            apply_default_css=False,
            **settings,
        )
