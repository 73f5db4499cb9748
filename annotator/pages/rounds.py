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
    <select data-role="method" data-least="owner" aria-label="Method of the next round"></select>
    <button type="button" data-role="start" data-least="owner" disabled>Train a round</button>
    <button type="button" data-role="cancel" data-least="owner">Cancel</button>
  </div>
  <details class="cl-who" data-role="who" hidden>
    <summary aria-label="Your login"><span data-role="who-name"></span></summary>
    <div>
      <p data-role="who-role"></p>
      <form method="post" action="/logout"><button type="submit">Log out</button></form>
      <form method="post" action="/logout?everywhere=1"><button type="submit">Log out everywhere</button></form>
    </div>
  </details>
  <dialog class="cl-dialog cl-history" data-role="history" aria-labelledby="cl-history-title">
    <h2 id="cl-history-title"></h2>
    <ol data-role="entries"></ol>
    <p data-role="history-said" class="cl-said-now" role="status"></p>
    <menu><button type="button" data-role="use-check" data-least="owner">Use as a check word</button>
      <button type="button" data-role="history-open">Open</button>
      <button type="button" class="cl-primary" data-role="history-close">Close</button></menu>
  </dialog>
</header>
"""

ROUNDS = """
<section class="cl-rounds" aria-label="Rounds">
  <div class="cl-warning" data-role="worse" role="status" hidden></div>
  <div class="cl-panel">
    <form data-role="next" class="cl-next" data-least="owner" aria-label="The next round">
      <div data-role="begin" class="cl-fields">
        <label>Method <select data-role="next-method"></select></label>
        <label title="Used where the method has learned nothing in this line of rounds, or is begun afresh">Begins from
          <select data-role="init">
            <option value="pretrained">what ships</option>
            <option value="guess">the ink&rsquo;s guess</option>
            <option value="flat">nothing (flat)</option>
          </select></label>
        <label class="cl-check" title="Do not go on from what earlier rounds learned; their boxes stay">
          <input type="checkbox" data-role="fresh"> afresh</label>
        <button type="submit" data-role="begin-button" class="cl-primary">Begin the round</button>
        <small data-role="summary"></small>
      </div>
      <div data-role="controls" class="cl-fields" hidden>
        <span data-role="now" role="status"></span>
        <button type="button" data-role="pause" title="It can be gone on with">Pause</button>
        <button type="button" data-role="resume" class="cl-primary">Resume it</button>
        <button type="button" data-role="stop">Cancel it</button>
      </div>
    </form>
    <form data-role="hold-back" class="cl-next" data-least="owner" aria-label="Held back">
      <div class="cl-fields">
        <label title="These are not learned from, so that they can judge every round; what you said of them is kept and
 exported">Held back <input type="number" min="0" max="50" step="1" data-role="share"> % of corrected words</label>
        <button type="submit">Set</button>
        <small data-role="share-from"></small>
      </div>
    </form>
    <p data-role="said" class="cl-said-now" role="status"></p>
  </div>
  <div data-role="charts" class="cl-charts" hidden></div>
  <div class="cl-scroll" data-role="table" hidden tabindex="0" role="region" aria-label="Table of rounds"><table>
    <thead><tr>
      <th scope="col">Round</th><th scope="col">Method</th><th scope="col">State</th><th scope="col">Finished</th>
      <th scope="col">Words</th>
      <th scope="col" title="Characters that moved by more than a tenth of the word's height since the round before">
        Moved</th>
      <th scope="col" title="Mean log-likelihood of a character, in nats; comparable between rounds of one method">
        Log-lik.</th>
      <th scope="col" title="Of the characters people looked at since the last round, how many they had to change:
 the round before is judged by corrections it had not learned from. And how far their centres were off">
        Had to be changed</th>
      <th scope="col" title="Of the characters of corrected words that no round learned from, how many this round has
 wrong, and how far its centres are off">Wrong in held-back words</th>
      <th scope="col">Time</th><th scope="col"><span class="cl-hidden">Actions</span></th>
    </tr></thead>
    <tbody data-role="rows"></tbody>
  </table></div>
  <div class="cl-empty" data-role="none" hidden>No round yet. &ldquo;Train a round&rdquo; makes first proposals, then
    learns from them.</div>
  <section data-role="comparing" class="cl-comparing" aria-label="Compare rounds" hidden>
    <h2>Compare rounds</h2>
    <div class="cl-fields">
      <span class="cl-pair" role="group" aria-label="What to show">
        <button type="button" data-mode="moved" aria-pressed="true">What moved</button>
        <button type="button" data-mode="contradicted" aria-pressed="false">Corrections it contradicts</button>
      </span>
      <label data-role="from">from <select data-role="before" aria-label="Round before"></select></label>
      <label><span data-role="to">to</span> <select data-role="after" aria-label="Round after"></select></label>
    </div>
    <p class="cl-signs" data-role="legend" data-mode="moved">
      <span><i class="cl-key-before"></i>before</span><span><i class="cl-key-after"></i>by the round</span>
      <span><i class="cl-key-said"></i>by a person</span>
    </p>
    <p data-role="found" role="status"></p>
    <ul class="cl-cards" data-role="cards"></ul>
    <button type="button" data-role="more" hidden>Show more</button>
  </section>
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
            js_on_load=f"import('{static}/rounds.js').then((rounds) => rounds.mount(element, props.methods))",
            apply_default_css=False,
            methods=options(),
            **settings,
        )
