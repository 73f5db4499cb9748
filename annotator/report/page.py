"""The report as one HTML page: no script, nothing fetched, every text from the project escaped."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from annotator.exporter import overlay
from annotator.present import present
from annotator.report.facts import Error, Facts, Suspect
from annotator.report.markup import Html, join, tag
from annotator.report.pictures import picture
from annotator.report.plots import curve
from charloc.audit import Estimate
from charloc.suspicion import IN_WORDS, difference
from charloc.text import is_space, visible
from db import Round, Store

STYLE = Path(__file__).with_name("style.css")
SECTIONS = (
    ("right", "How right the boxes are"), ("suspicious", "What looks wrong"), ("uncertain", "Least certain words"),
    ("rounds", "Rounds"), ("alphabet", "Alphabet"), ("people", "Agreement between people"), ("made", "What it is of"),
)  # fmt: skip
NONE = "–"


def page(store: Store, facts: Facts) -> str:
    """The whole page.

    Args:
        store: the open project: the words' pictures are read from it.
        facts: what is said.
    """
    content = {
        "right": _right(facts), "suspicious": _suspicious(store, facts), "uncertain": _uncertain(store, facts),
        "rounds": _rounds(facts), "alphabet": _alphabet(facts), "people": _people(facts), "made": _made(facts),
    }  # fmt: skip
    made = f"{facts.made_at.astimezone():%Y-%m-%d %H:%M}, charloc {facts.version}".rstrip()
    head = tag(
        "head", tag("meta", charset="utf-8"), tag("title", f"{visible(facts.project)}: report"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        # Should anything slip through all the same: nothing here may run or be fetched.
        tag("meta", http_equiv="Content-Security-Policy",
            content="default-src 'none'; img-src data:; style-src 'unsafe-inline'"),
        tag("style", Html(STYLE.read_text("utf-8"))),
    )  # fmt: skip
    links = tag("nav", *(tag("a", title, href=f"#{id}") for id, title in SECTIONS), aria_label="Sections")
    sections = [
        tag("section", tag("h2", title, id=id), content[id], aria_labelledby=id) for id, title in SECTIONS
    ]  # fmt: skip
    header = tag("header", tag("h1", visible(facts.project)), tag("p", made, class_="soft"), links)
    body = tag("body", header, tag("main", _tiles(facts), *sections))
    return f"<!DOCTYPE html>\n{tag('html', head, body, lang='en')}\n"


def _tiles(facts: Facts) -> Html:
    counts = facts.counts
    best = facts.errors[0] if facts.errors else None
    suspicious = NONE if facts.suspicious_all is None else f"{facts.suspicious_all:,}"
    tiles = [
        ("words", f"{counts.words:,}", f"{facts.characters:,} characters, {facts.images:,} pictures"),
        ("corrected", f"{counts.corrected:,}", f"{counts.flagged:,} flagged, {counts.skipped:,} skipped"),
        ("wrong boxes", percent(best.boxes.value) if best else NONE, between(best.boxes) if best else "not known yet"),
        ("suspicious", suspicious, "not looked at yet" if facts.suspicious_all is None else "transcripts and pictures"),
        ("alphabet", f"{len(facts.alphabet):,}", f"{sum(each.rare for each in facts.alphabet):,} rare"),
        ("rounds", f"{len(facts.rounds):,}", f"round {facts.seen} is shown" if facts.seen is not None else "none yet"),
    ]
    tiles_html = (tag("div", tag("dt", name), tag("dd", value, tag("small", small))) for name, value, small in tiles)
    return tag("dl", *tiles_html, class_="tiles")


def _right(facts: Facts) -> Html:
    if not facts.errors:
        return tag("p", "Not known yet. An audit, a random sample looked at blind, gives the number with its interval; "
                   "corrections made after a round give a first idea.")  # fmt: skip
    return join(*(_error(each) for each in facts.errors))


def _error(error: Error) -> Html:
    how = {
        "audit": "From a uniform random sample of all words, reviewed blind and never learned from.",
        "corrections": "From words that people chose to correct: not a random sample. The least certain come first, so "
        "all words together are usually better than this.",
    }  # fmt: skip
    rows = [
        ("characters whose box is wrong (overlap below one half)", error.boxes),
        ("characters whose centre is off by more than a quarter of the word's height", error.centres),
        ("words in which any box is wrong", error.words_boxes),
    ]
    lines = [
        tag("tr", tag("td", what, class_="l"), tag("td", percent(each.value)), tag("td", between(each)),
            tag("td", f"{each.wrong:,} of {each.of:,}"))
        for what, each in rows if each is not None
    ]  # fmt: skip
    head = tag("tr", *_heads("!what", "share", "95 % interval", "counted"))
    return join(
        tag("h3", error.what[:1].upper() + error.what[1:]),
        tag("p", how.get(error.source, ""), class_="soft"),
        tag("div", tag("table", tag("thead", head), tag("tbody", *lines)), class_="scroll"),
        tag("p", f"{error.words:,} words, {error.chars:,} characters; centres are {error.centre_h:.3f} of the word's "
            "height off on average."),
    )  # fmt: skip


def _suspicious(store: Store, facts: Facts) -> Html:
    right = f" {facts.judged_right:,} more were said to be right." if facts.judged_right else ""
    if facts.suspicious_all is None:
        return tag("p", "Nobody has looked yet: launch.py review suspicious, or the page Suspicious.")
    if not facts.suspicious:
        return tag("p", f"Nothing.{right}")
    shown = "the worst first" if len(facts.suspicious) == facts.suspicious_all else f"the worst {len(facts.suspicious)}"
    words = {word.id: word for word in store.words([each.suspicion.word_id for each in facts.suspicious])}
    cards = [
        tag("li", picture(store, words[each.suspicion.word_id]), *_suspect(each)) for each in facts.suspicious
    ]  # fmt: skip
    return join(
        tag("p", f"{facts.suspicious_all:,} words; {shown}.{right}"), tag("ul", *cards, class_="words")
    )  # fmt: skip


def _suspect(suspect: Suspect) -> tuple[Html, Html]:
    found = suspect.suspicion
    runs = difference(found.text, found.suggestion) if found.suggestion else [("same", "".join(found.text))]
    was = (tag("del", visible(run)) if kind == "gone" else visible(run) for kind, run in runs if kind != "new")
    now = (tag("ins", visible(run)) if kind == "new" else visible(run) for kind, run in runs if kind != "gone")
    likely = (" → ", tag("bdi", *now)) if found.suggestion else ()
    known = {reason.value: words for reason, words in IN_WORDS.items()}
    why = known.get(found.reason, found.reason)
    return (
        tag("div", tag("bdi", *was), *likely, class_="text"),
        tag("div", tag("b", f"{found.score:.0%} "), visible(why), " · ", visible(suspect.name), class_="soft"),
    )


def _uncertain(store: Store, facts: Facts) -> Html:
    if not facts.uncertain:
        empty = "No round has said where characters are yet." if facts.seen is None else "Every word has been decided."
        return tag("p", empty)
    seen = store.seen_round()
    cards = []
    for word, proposal, correction in present(store, seen, facts.uncertain):
        boxes, confidence, _ = overlay(word, proposal, correction)
        sure = [value for value, c in zip(confidence, word.characters, strict=True) if not is_space(c)]
        least = f"least certain character {min(sure):.0%} · " if sure and proposal is not None else "not seen yet · "
        text = tag("div", tag("bdi", visible(word.text)), class_="text")
        about = tag("div", least, visible(word.name), class_="soft")
        cards.append(tag("li", picture(store, word, boxes, confidence), text, about))
    keys = (("sure", "90 % sure or more"), ("fair", "half or more"), ("unsure", "less than half"))
    legend = tag("p", *(tag("span", _sample(kind), text) for kind, text in keys), class_="key soft")
    return join(legend, tag("ul", *cards, class_="words"))


def _sample(kind: str) -> Html:
    box = tag("rect", x=1, y=1, width=20, height=11, class_=kind)
    return tag("svg", box, width=22, height=13, class_="word sample", aria_hidden="true")


def _rounds(facts: Facts) -> Html:
    if not facts.rounds:
        return tag("p", "No round yet: launch.py train --project DIR.")
    numbers = [each.number for each in facts.rounds]
    changed = [
        100 * judged.wrong / judged.chars if (judged := each.prequential) and judged.chars else None
        for each in facts.rounds
    ]
    moved = [float(each.moved) if each.moved is not None and each.parent_id else None for each in facts.rounds]
    plots = tag(
        "div", curve("Wrong before it learned from the corrections", " %", numbers, changed),
        curve("Characters that moved", "", numbers, moved),
        curve("Log-likelihood of a character", "", numbers, [each.log_likelihood for each in facts.rounds]),
        class_="plots",
    )  # fmt: skip
    titles = ("round", "!method", "!finished", "words", "moved", "log-lik.", "wrong before it", "seconds")
    head = tag("tr", *_heads(*titles))
    rows = [_round(each, each.number == facts.seen) for each in facts.rounds]
    return join(plots, tag("div", tag("table", tag("thead", head), tag("tbody", *rows)), class_="scroll"))


def _round(each: Round, seen: bool) -> Html:
    judged = each.prequential
    cells = [
        (f"{each.number}{' (shown)' if seen else ''}", ""), (visible(each.method), "l"),
        (f"{each.finished_at.astimezone():%Y-%m-%d %H:%M}" if each.finished_at else NONE, "l"),
        (f"{each.words:,}", ""), (NONE if each.moved is None or each.parent_id is None else f"{each.moved:,}", ""),
        (NONE if each.log_likelihood is None else f"{each.log_likelihood:.3f}", ""),
        (f"{judged.wrong:,} of {judged.chars:,}" if judged and judged.chars else NONE, ""),
        (NONE if each.seconds is None else f"{each.seconds:,.0f}", ""),
    ]  # fmt: skip
    return tag("tr", *(tag("td", text, class_=kind or None) for text, kind in cells))


def _alphabet(facts: Facts) -> Html:
    if not facts.alphabet:
        return tag("p", "No words yet: launch.py import SRC --project DIR.")
    letters = [
        tag("li", tag("bdi", visible(each.character)), tag("small", f"{each.count:,}"),
            title=f"{code_points(each.character)}: {each.count:,} times in {each.words:,} words",
            class_="rare" if each.rare else None)
        for each in facts.alphabet
    ]  # fmt: skip
    note = "How often each is written. A dashed frame: in one or two words only, which may be a slip."
    return join(tag("p", note, class_="soft"), tag("ul", *letters, class_="letters"))


def _people(facts: Facts) -> Html:
    if not facts.agreed:
        return tag("p", "No word has been read by two people yet.")
    titles = ("!people", "words", "read differently", "same box (overlap)", "centres apart", "boxes apart")
    head = tag("tr", *_heads(*titles))
    rows = []
    for each in facts.agreed:
        one, other = each.people
        boxes = each.boxes
        cells = (
            [f"{boxes.iou:.3f}", f"{boxes.centre_px:.1f} px, {boxes.centre_h:.3f} h", percent(boxes.wrong)]
            if boxes else [NONE] * 3
        )  # fmt: skip
        names = f"{visible(one or 'nobody by name')}, {visible(other or 'nobody by name')}"
        words = (boxes.words if boxes else 0) + each.apart
        numbers = (tag("td", value) for value in (f"{words:,}", f"{each.apart:,}", *cells))
        rows.append(tag("tr", tag("td", names, class_="l"), *numbers))
    return tag("div", tag("table", tag("thead", head), tag("tbody", *rows)), class_="scroll")


def _made(facts: Facts) -> Html:
    counts = facts.counts
    said = f"People accepted {counts.accepted_characters:,} characters and placed {counts.pinned_characters:,}."
    lists = [
        join(tag("h3", title), tag("p", *_listed(named)))
        for title, named in (("Sources", facts.sources), ("Pages", facts.pages)) if named
    ]  # fmt: skip
    return join(tag("p", said), *lists)


def _listed(named: Sequence[tuple[str, int]]) -> list[object]:
    parts: list[object] = []
    for name, words in named:
        parts += [", " if parts else "", tag("bdi", visible(name)), f" ({words:,})"]
    return parts


def _heads(*titles: str) -> list[Html]:
    """Cells of a head; a title with ! before it stands at the left."""
    return [tag("th", t.removeprefix("!"), scope="col", class_="l" if t.startswith("!") else None) for t in titles]


def percent(share: float) -> str:
    return f"{100 * share:.2f} %" if share < 0.1 else f"{100 * share:.1f} %"


def between(estimate: Estimate) -> str:
    return f"{percent(estimate.low)} to {percent(estimate.high)}"


def code_points(character: str) -> str:
    return " ".join(f"U+{ord(c):04X}" for c in character)
