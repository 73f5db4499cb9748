"""The page where people look at words and correct their boxes."""

from __future__ import annotations

import gradio as gr

# Constant: gradio runs "${...}" and "{{...}}" in a template as code, so nothing is ever put into it.
TEMPLATE = """
<section class="cl-editor" data-role="editor" aria-label="Editor" tabindex="-1">
  <div class="cl-filters" data-role="queue" role="search" aria-label="Which words"></div>
  <div class="cl-opened" data-role="opened" role="status" hidden></div>
  <header class="cl-word">
    <div class="cl-line">
      <div class="cl-transcript" data-role="transcript" data-do="edit" dir="auto" lang="und"
        title="Click to correct it">&nbsp;</div>
      <input class="cl-transcript" data-role="transcript-input" type="text" dir="auto" lang="und" hidden
        aria-label="Transcript" maxlength="4000" autocomplete="off" autocapitalize="off" spellcheck="false">
      <button type="button" class="cl-pen" data-do="edit" data-least="annotator" aria-label="Correct the transcript"
        title="Correct the transcript">&#9998;</button>
      <span class="cl-joins" data-role="transcript-bar" hidden>
        <button type="button" data-do="merge" title="The selected character and the next are one">Join</button>
        <button type="button" data-do="split" title="Split the selected character">Split</button>
      </span>
    </div>
    <div class="cl-facts">
      <span class="cl-name" data-role="name">&nbsp;</span>
      <button type="button" class="cl-pen" data-do="history" aria-label="History of this word"
        title="Who said what of this word, and when (I)">&#8634;</button>
      <button type="button" class="cl-save" data-role="save" data-state="saved" title="Every decision is kept in this
 browser first, then sent."><i></i><span data-role="save-text">All saved</span></button>
    </div>
  </header>
  <div class="cl-stage" data-role="stage" tabindex="0" role="application" aria-describedby="cl-readout"
    aria-label="The image with its boxes. Press ? for all keys."></div>
  <div class="cl-empty" data-role="empty" hidden></div>
  <div class="cl-readout">
    <span data-role="readout" id="cl-readout" class="cl-selected" aria-live="polite">&nbsp;</span>
    <span class="cl-legend" data-role="legend" role="note" aria-label="How sure the model is, and what you said"></span>
  </div>
  <nav class="cl-actions" aria-label="Actions">
    <button type="button" class="cl-primary" data-do="accept" data-least="annotator">Accept<kbd>Enter</kbd></button>
    <button type="button" data-do="skip" title="Leave the rest open and go on. Boxes you corrected are kept.">
      Skip<kbd>S</kbd></button>
    <button type="button" data-do="flag" data-least="annotator" title="The transcript or the image is wrong">
      Flag<kbd>F</kbd></button>
    <button type="button" data-do="undo" data-least="annotator"
      title="Take back the last step, also into earlier words">
      Undo<kbd>U</kbd></button>
    <span class="cl-gap"></span>
    <button type="button" data-do="invisible" data-least="annotator"
      title="The selected character is not to be seen in the image">
      Not visible<kbd>X</kbd></button>
    <button type="button" data-role="more" aria-expanded="false" aria-controls="cl-rest">More</button>
    <div class="cl-rest" id="cl-rest" data-role="rest">
    <button type="button" data-do="follow" aria-pressed="true" title="While you move a character, the others follow.
 Alt while dragging holds them.">Follow<kbd>L</kbd></button>
    <button type="button" data-do="points" aria-pressed="false" title="Centres instead of boxes">
      Points<kbd>P</kbd></button>
    <button type="button" data-do="hide" aria-pressed="false" title="Show the bare image">Hide<kbd>H</kbd></button>
    <button type="button" data-do="contrast" aria-pressed="false" title="As it is, high, light and dark exchanged">
      Contrast<kbd>C</kbd></button>
    <span class="cl-pair">
      <button type="button" data-do="smaller" aria-label="Smaller" title="Smaller (-)">&minus;</button>
      <button type="button" data-do="larger" aria-label="Larger" title="Larger (+)">+</button>
    </span>
    <button type="button" data-do="help" aria-label="Keys and help" title="All keys (?)">?</button>
    </div>
  </nav>
  <div class="cl-progress"><ul data-role="counts" aria-label="Progress"><li>&nbsp;</li></ul>
    <b role="progressbar" aria-label="Words done" aria-valuemin="0"><i data-role="bar"></i></b></div>
  <div class="cl-troubles" data-role="troubles"></div>
  <div class="cl-toast" data-role="toast" role="status" aria-live="polite"></div>
  <dialog class="cl-dialog" data-role="flag" aria-labelledby="cl-flag-title">
    <form method="dialog">
      <h2 id="cl-flag-title">What is wrong with this word?</h2>
      <p>A flagged word is left out of training until someone has looked at it.</p>
      <div class="cl-reasons">
        <button type="button" value="The transcript is wrong"><kbd>1</kbd>The transcript is wrong</button>
        <button type="button" value="Unreadable"><kbd>2</kbd>Unreadable</button>
        <button type="button" value="Badly cut out"><kbd>3</kbd>Badly cut out</button>
      </div>
      <label>In your own words <input type="text" maxlength="500" data-role="reason" autocomplete="off"></label>
      <menu><button type="button" data-role="flag-edit">Correct the transcript instead</button>
        <button type="button" data-role="flag-no">Back<kbd>Esc</kbd></button>
        <button type="submit" class="cl-primary" data-role="flag-yes">Flag<kbd>Enter</kbd></button></menu>
    </form>
  </dialog>
  <dialog class="cl-dialog cl-keymap" data-role="help" aria-labelledby="cl-help-title">
    <h2 id="cl-help-title" tabindex="-1" autofocus>Keys</h2>
    <p data-role="key-note" role="status"></p>
    <div class="cl-keys" data-role="keys"></div>
    <p>With a mouse or a finger: drag a box to move it, its edges or corners to change it. A character without a box:
      select its letter, then drag over the image.</p>
    <form method="dialog"><menu><button type="button" data-role="keys-reset">Reset all keys</button>
      <button type="submit" class="cl-primary">Close</button></menu></form>
  </dialog>
</section>
"""


class Editor(gr.HTML):
    """The word, its boxes and everything one can do with them; `static/editor.js` brings it to life."""

    def __init__(self, static: str, **settings: object) -> None:
        super().__init__(
            html_template=TEMPLATE,
            js_on_load=f"import('{static}/editor.js').then((editor) => editor.mount(element))",
            apply_default_css=False,
            **settings,
        )
