"""Training from the browser: the bar at the top of every page, and the table of rounds."""

from __future__ import annotations

import gradio as gr

from charloc.methods import DEFAULT, METHODS

HEADER = """
<header class="cl-header">
  <h1>charloc</h1><span class="cl-project" data-role="project">&nbsp;</span>
  <div class="cl-train" data-role="train" data-state="unknown" aria-live="polite">
    <span class="cl-note" data-role="note"></span>
    <div class="cl-running">
      <span data-role="phase"></span><progress data-role="progress" max="1"></progress>
    </div>
    <select data-role="method" aria-label="Method of the next round"></select>
    <button type="button" data-role="start" disabled>Train a round</button>
    <button type="button" data-role="cancel">Cancel</button>
  </div>
</header>
"""

ROUNDS = """
<section class="cl-rounds">
  <div class="cl-scroll"><table>
    <thead><tr>
      <th>Round</th><th>Method</th><th>State</th><th>Finished</th><th>Words</th>
      <th title="Characters that moved by more than a tenth of the word's height since the round before">Moved</th>
      <th title="Mean log-likelihood of a character, in nats; comparable between rounds of one method">Log-lik.</th>
      <th title="Of the characters people looked at since the last round, how many they had to change:
 the round before is judged by corrections it had not learned from">Had to be changed</th>
      <th title="How far these characters' centres were from where people put them, in word heights">Off by</th>
      <th>Time</th><th>Words/s</th>
    </tr></thead>
    <tbody data-role="rows"></tbody>
  </table></div>
  <div class="cl-empty" data-role="none" hidden></div>
</section>
"""


def options() -> list[dict[str, str | bool]]:
    """The methods to choose from, the default first."""
    names = [DEFAULT, *(name for name in METHODS if name != DEFAULT)]
    return [{"name": name, "summary": METHODS[name].summary, "learns": METHODS[name].learns} for name in names]


class Header(gr.HTML):
    """Name of the project; starts, shows and cancels the training of a round (`static/header.js`)."""

    def __init__(self, static: str, **settings: object) -> None:
        super().__init__(
            html_template=HEADER,
            js_on_load=f"import('{static}/header.js').then((header) => header.mount(element, props.methods))",
            apply_default_css=False,
            methods=options(),
            **settings,
        )


class RoundsTable(gr.HTML):
    """Every round with its numbers, newest first (`static/rounds.js`)."""

    def __init__(self, static: str, **settings: object) -> None:
        super().__init__(
            html_template=ROUNDS,
            js_on_load=f"import('{static}/rounds.js').then((rounds) => rounds.mount(element))",
            apply_default_css=False,
            **settings,
        )
