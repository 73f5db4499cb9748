"""A page that is left and mounted anew: what is pressed is done once."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from annotator.pages import annotate, audit, glyphs, people, rounds, suspicious, words
from db import Store
from tests.browser.looking import all_saved, marks, only_correction, open_tab, ready, word

TEMPLATES = {
    "editor": annotate.TEMPLATE, "wordlist": words.TEMPLATE, "glyphs": glyphs.TEMPLATE, "rounds": rounds.ROUNDS,
    "suspicious": suspicious.SUSPICIOUS, "audit": audit.TEMPLATE, "people": people.PEOPLE, "header": rounds.HEADER,
}  # fmt: skip
# As gradio does it: the old element goes, another comes from the template, and its module is handed that one.
ANEW = """async ([name, place, template]) => {
  const { mount } = await import(performance.getEntriesByType("resource").map((each) => each.name)
    .find((each) => each.endsWith(`/${name}.js`)));
  const fresh = document.createElement("div");
  fresh.innerHTML = template;
  document.querySelector(place).replaceChildren(fresh);
  const methods = [{ name: "segmental", summary: "", learns: true }];
  mount(fresh, methods);
  mount(fresh, methods);
}"""
# Counts what stays bound to the document and the window.
BOUND = """() => {
  window.bound = new Map();
  for (const target of [document, window]) {
    const add = target.addEventListener.bind(target), remove = target.removeEventListener.bind(target);
    target.addEventListener = (name, listener, options) => {
      const key = `${name} ${Math.random()}`;
      if (!options?.once) bound.set(key, name);
      options?.signal?.addEventListener("abort", () => bound.delete(key));
      add(name, listener, options);
    };
  }
  window.ticking = new Set();
  const { setInterval: start, clearInterval: stop } = window;
  window.setInterval = (...all) => { const id = start(...all); ticking.add(id); return id; };
  window.clearInterval = (id) => { ticking.delete(id); stop(id); };
}"""


def anew(page: Page, name: str) -> None:
    place = {"editor": "#charloc-editor", "wordlist": "#charloc-words"}.get(name, f"#charloc-{name}")
    page.evaluate(ANEW, [name, place, TEMPLATES[name]])


def test_an_editor_mounted_anew_does_once_what_is_pressed(page: Page, store: Store) -> None:
    first = ready(page)
    page.keyboard.press("ArrowDown")
    page.wait_for_function("Object.keys(localStorage).some((key) => key.includes('.draft.'))")
    for _ in range(2):
        old = page.evaluate_handle("charloc")
        anew(page, "editor")
        page.wait_for_function("(old) => charloc !== old", arg=old)
        assert ready(page)["id"] == first["id"], "the word in hand is, with what was begun"
    assert [mark["state"] for mark in marks(page)].count("pinned") == 1
    posts: list[str] = []
    page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    zoom = page.evaluate("charloc.stage.zoom")
    page.keyboard.press("+")
    assert page.evaluate("charloc.stage.zoom") == zoom * 1.25
    page.keyboard.press("Enter")
    second = ready(page)
    all_saved(page)
    assert sum("/api/corrections" in each for each in posts) == 1
    assert only_correction(store, first["id"]).kind == "boxes" and second["id"] != first["id"]
    page.get_by_role("button", name=re.compile("Skip")).click()
    assert ready(page)["id"] != second["id"]
    all_saved(page)
    assert only_correction(store, second["id"]).kind == "skip"
    open_tab(page, "Words")
    page.locator("#charloc-words [data-open]").first.click()
    page.wait_for_function("charloc.entry?.opened")
    assert word(page)


def test_nothing_is_left_of_pages_that_were_mounted_before(page: Page) -> None:
    ready(page)
    for name in ("Words", "Glyphs", "Rounds", "Suspicious", "Audit", "People", "Annotate"):
        open_tab(page, name)
    page.evaluate(BOUND)
    counts = []
    for _ in range(3):
        for name in TEMPLATES:
            anew(page, name)
        ready(page)
        page.wait_for_function("charloc.outbox")
        counts.append(page.evaluate("[[...bound.values()].sort().join(), ticking.size]"))
    assert counts[0] == counts[1] == counts[2] and "keydown" in counts[0][0] and counts[0][1]
    expect(page.locator("[data-role=project]")).to_have_text("project")
