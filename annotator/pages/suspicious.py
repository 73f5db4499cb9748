"""The page of transcripts that are probably wrong."""

from __future__ import annotations

import gradio as gr

SUSPICIOUS = """
<section class="cl-suspicious" aria-label="Suspicious transcripts">
  <div class="cl-panel">
    <div class="cl-fields">
      <button type="button" data-role="look" data-least="owner" class="cl-primary" hidden>
        Look at the transcripts</button>
      <span class="cl-looking" data-role="looking" role="status" hidden>
        <span data-role="phase"></span><progress data-role="progress" max="1"
          aria-label="How far the looking is"></progress>
      </span>
      <button type="button" data-role="stop" data-least="owner" hidden>Stop</button>
      <label>Show <select data-role="least">
        <option value="0.5">the probable ones</option>
        <option value="0.2" selected>the suspicious ones</option>
        <option value="0.05">also the doubtful ones</option>
      </select></label>
      <span data-role="summary" class="cl-summary" role="status"></span>
    </div>
    <p data-role="trouble" class="cl-trouble" role="alert" hidden></p>
    <p data-role="keys" class="cl-keys" hidden>
      <span><kbd>&uarr;</kbd> <kbd>&darr;</kbd> next, previous</span>
      <span data-writes><kbd>A</kbd> accept the suggestion</span>
      <span data-writes><kbd>R</kbd> the transcript is right</span>
      <span data-writes><kbd>F</kbd> flag</span>
      <span><kbd>O</kbd> open in the editor</span>
      <span data-writes><kbd>U</kbd> undo</span>
    </p>
  </div>
  <ol class="cl-suspects" data-role="list" aria-label="Suspicious words, worst first"></ol>
  <button type="button" data-role="more" hidden>Show more</button>
  <div class="cl-empty" data-role="none" hidden><h2 data-role="none-title"></h2><p data-role="none-text"></p></div>
</section>
"""


class SuspiciousList(gr.HTML):
    """What looks wrong, worst first, and what one can say to it (`static/suspicious.js`)."""

    def __init__(self, static: str, **settings: object) -> None:
        super().__init__(
            html_template=SUSPICIOUS,
            js_on_load=f"import('{static}/suspicious.js').then((suspicious) => suspicious.mount(element))",
            apply_default_css=False,
            **settings,
        )
