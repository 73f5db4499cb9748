"""The page on which an owner sees how people work together, and decides where they disagree."""

from __future__ import annotations

import gradio as gr

# Constant, as every template: see `annotate.TEMPLATE`.
PEOPLE = """
<section class="cl-people" aria-label="People">
  <div class="cl-empty" data-role="alone" hidden>
    <h2>Nobody has to log in here</h2>
    <p>Alone, there is nothing to do on this page. To share the work, say who may log in, beginning with yourself:</p>
    <pre>python launch.py user add NAME --role owner --project PROJECT</pre>
    <p>From then on every page asks for a name and a password. Annotators are handed words that nobody else works on;
      some are read twice, and here you see how far people agree.</p>
  </div>
  <div class="cl-empty" data-role="refused" role="status" hidden></div>
  <div data-role="together" class="cl-together" hidden>
    <div class="cl-scroll" tabindex="0" role="region" aria-label="Table of people"><table>
      <thead><tr>
        <th scope="col">Name</th><th scope="col">Role</th>
        <th scope="col" title="Words whose boxes or flag are theirs now">Words</th>
        <th scope="col" title="Decisions an hour of work; gaps of more than five minutes are pauses">An hour</th>
        <th scope="col" title="Of words that two people decided about, neither knowing what the other said: how far
 the two boxes of a character overlap (IoU), and how far apart their centres are">Agreement with others</th>
        <th scope="col" title="Of check words, whose boxes are known: how far the centres are off, how far the boxes
 overlap (IoU), and the share of characters that overlap by less than half">Error on check words</th>
        <th scope="col"><span class="cl-hidden">Actions</span></th>
      </tr></thead>
      <tbody data-role="people"></tbody>
    </table></div>
    <section aria-label="Two people each" data-role="pairs-part" hidden>
      <h2>Agreement of two people each</h2>
      <div class="cl-scroll" tabindex="0" role="region" aria-label="Table of agreement"><table>
        <thead><tr><th scope="col">Who</th><th scope="col">Words</th><th scope="col">Characters</th>
          <th scope="col">Overlap (IoU)</th><th scope="col">Centres apart</th>
          <th scope="col" title="Characters whose boxes overlap by less than half">Apart</th>
          <th scope="col" title="One flagged the word or read it differently, the other did not">Read differently</th>
        </tr></thead>
        <tbody data-role="pairs"></tbody>
      </table></div>
    </section>
    <section aria-label="To decide" class="cl-decide">
      <h2>To decide <span data-role="left"></span></h2>
      <p data-role="nothing" hidden></p>
      <ul class="cl-cards" data-role="cards"></ul>
      <button type="button" data-role="more" hidden>Show more</button>
    </section>
    <section aria-label="Sharing" class="cl-panel">
      <form data-role="sharing" class="cl-fields">
        <label title="Chosen once and for all by what the word is. The second person sees what the model proposed, never
 what the first said">Read by two people
          <input type="number" min="0" max="100" step="1" data-role="double" required> % of the words</label>
        <label title="Of the words that an annotator is handed">Checks
          <input type="number" min="0" max="50" step="1" data-role="check" required> % of what one is handed</label>
        <label title="A page that says nothing for so long gives its words back">Words are held
          <input type="number" min="1" max="1440" step="1" data-role="minutes" required> minutes</label>
        <button type="submit">Set</button>
      </form>
      <form data-role="checks" class="cl-fields">
        <span data-role="checks-now"></span>
        <label>Add <input type="number" min="1" max="1000" step="1" value="20" data-role="count" required></label>
        <select data-role="source" aria-label="Where their boxes are known from">
          <option value="mine">words that you corrected</option>
          <option value="reference">words that came with boxes</option>
        </select>
        <button type="submit">Add check words</button>
        <button type="button" data-role="no-checks">Use none</button>
      </form>
      <p data-role="said" class="cl-said-now" role="status"></p>
    </section>
  </div>
  <dialog class="cl-dialog" data-role="revert" aria-labelledby="cl-revert-title">
    <h2 id="cl-revert-title">Take back everything <span data-role="revert-who"></span> decided?</h2>
    <p data-role="revert-plan"></p>
    <p>Nothing is deleted: each word gets one more entry in its history, and this can be undone word by word.</p>
    <menu><button type="button" data-role="revert-no">Back</button>
      <button type="button" class="cl-primary" data-role="revert-yes">Take back</button></menu>
  </dialog>
</section>
"""


class People(gr.HTML):
    """Everybody's work, what they disagree about, and how work is shared (`static/people.js`)."""

    def __init__(self, static: str, **settings: object) -> None:
        super().__init__(
            html_template=PEOPLE,
            js_on_load=f"import('{static}/people.js').then((people) => people.mount(element))",
            apply_default_css=False,
            **settings,
        )
