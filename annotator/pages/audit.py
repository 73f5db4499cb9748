"""The page that says how good the data set is, from a random sample that people look at blind."""

from __future__ import annotations

import gradio as gr

TEMPLATE = """
<section class="cl-audit" aria-label="Audit">
  <div class="cl-empty" data-role="none" hidden>
    <h2>How good is this data set?</h2>
    <p>Draw some words at random and look at each: accept it if it is right, put right what is not. You are not shown
      how sure the method is, and nothing learns from what you say here. What you find holds for all words, with an
      interval.</p>
    <form data-role="begin" class="cl-fields" data-least="owner">
      <label>Draw <input type="number" data-role="begin-words" min="1" max="1000000" step="1" required></label>
      <span data-role="of-all">words</span>
      <button type="submit" class="cl-primary">Begin the audit</button>
      <button type="button" data-role="back" hidden>Back</button>
    </form>
    <small data-role="advice"></small>
  </div>
  <div data-role="some" class="cl-going" hidden>
    <div class="cl-panel">
      <div class="cl-how-far">
        <b data-role="how-far" role="status"></b>
        <progress data-role="bar" max="1" value="0" aria-label="Words looked at"></progress>
      </div>
      <button type="button" class="cl-primary" data-role="look" data-least="annotator">Look at the next words</button>
      <form data-role="more" class="cl-fields" data-least="owner">
        <label>Draw <input type="number" data-role="more-words" min="1" max="1000000" step="1" value="50" required>
          more words</label><button type="submit">Add</button>
      </form>
      <button type="button" data-role="anew" data-least="owner" title="A new sample; this audit stays in the list">
        New audit</button>
    </div>
    <p class="cl-trouble-line" data-role="said" role="status"></p>
    <div class="cl-fields cl-wanted">
      <label>An interval as narrow as <select data-role="wanted">
        <option value="0.5">&plusmn; 0.5 %</option><option value="1" selected>&plusmn; 1 %</option>
        <option value="2">&plusmn; 2 %</option><option value="5">&plusmn; 5 %</option></select></label>
      <small data-role="judged"></small>
    </div>
    <div class="cl-scroll" tabindex="0" role="region" aria-label="Errors in all words"><table>
      <thead><tr><th scope="col">Errors in all words</th><th scope="col" data-role="as-proposed">As proposed</th>
        <th scope="col">As exported, corrections applied</th>
        <th scope="col" title="Until what is exported is known so well, if it stays as it is">
          More words for that interval</th></tr></thead>
      <tbody data-role="rows"></tbody>
    </table></div>
    <p data-role="doubtful"></p>
    <p data-role="aided"></p>
    <details data-role="how"><summary>How this is worked out</summary>
      <p>Words are drawn uniformly, without putting back, by a seed that is kept; more words continue the same sample. A
        centre is wrong when it is more than a quarter of the word's height away, a box when it overlaps yours by less
        than half. Intervals cover the truth 95 times in 100: exact for words (Clopper and Pearson, hypergeometric), for
        characters from how they go wrong together in words (ratio estimator, Korn and Graubard). <i>As the round
        proposes</i> is what the model says by itself, also where people had corrected a word.</p>
      <p data-role="seed"></p></details>
  </div>
  <section data-role="earlier" class="cl-earlier" aria-label="Earlier audits" hidden>
    <h2>Earlier audits</h2>
    <div class="cl-scroll"><table><thead><tr><th scope="col">Begun</th><th scope="col">Words looked at</th>
      <th scope="col">Wrong boxes, as the round proposes now</th><th scope="col">As exported now</th></tr></thead>
      <tbody data-role="earlier-rows"></tbody></table></div>
  </section>
</section>
"""


class AuditPage(gr.HTML):
    """A sample, how far it has been looked at, and what follows (`static/audit.js`)."""

    def __init__(self, static: str, **settings: object) -> None:
        super().__init__(
            html_template=TEMPLATE,
            js_on_load=f"import('{static}/audit.js').then((audit) => audit.mount(element))",
            apply_default_css=False,
            **settings,
        )
