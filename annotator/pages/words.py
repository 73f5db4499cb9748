"""The page that lists words: searched, filtered, tagged, opened."""

from __future__ import annotations

import gradio as gr

TEMPLATE = """
<section class="cl-words" data-role="words" aria-label="Words">
  <div class="cl-filters" data-role="filters" role="search" aria-label="Which words to list"></div>
  <div class="cl-filters cl-words-actions">
    <label class="cl-check"><input type="checkbox" data-role="all"> this page</label>
    <button type="button" data-do="open" class="cl-primary" disabled>Open in the editor</button>
    <input data-role="tag" data-least="annotator" list="cl-words-tags" placeholder="Tag" aria-label="Tag" maxlength="60"
      autocomplete="off">
    <datalist id="cl-words-tags" data-role="tags"></datalist>
    <button type="button" data-do="add" data-least="annotator" disabled>Add tag</button>
    <button type="button" data-do="remove" data-least="annotator" disabled>Remove tag</button>
    <span class="cl-left" data-role="said" role="status"></span>
  </div>
  <div class="cl-words-scroll"><table>
    <thead><tr><th><span class="cl-unseen">Chosen</span></th><th>Picture</th><th>Text</th><th>State</th><th>Sure</th>
      <th>Tags</th><th>Name</th></tr></thead>
    <tbody data-role="rows"></tbody>
  </table></div>
  <div class="cl-empty" data-role="none" hidden></div>
  <nav class="cl-pager" aria-label="Pages of the list">
    <button type="button" data-do="before">Before</button><span data-role="where"></span>
    <button type="button" data-do="after">After</button>
  </nav>
</section>
"""


class WordList(gr.HTML):
    """The words of the project (`static/wordlist.js`)."""

    def __init__(self, static: str, **settings: object) -> None:
        super().__init__(
            html_template=TEMPLATE,
            js_on_load=f"import('{static}/wordlist.js').then((words) => words.mount(element))",
            apply_default_css=False,
            **settings,
        )
