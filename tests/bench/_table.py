"""The tables of docs/benchmarks.md, from the results of `bench methods`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from charloc.types import CharlocError
from tests.bench._jobs import Job, Record

BEGIN, END = "<!-- table:begin -->", "<!-- table:end -->"
SCORES = ("r50", "word50", "pck25", "pck10", "dx_med", "dy_med")
HEADS = ("r50", "word50", "PCK25", "PCK10", "dx", "dy", "words/s", "training, s")
ROWS = ("zero", "0"), ("corrected", "2 %")
"""A job's rows: the part of its result, and the share of words corrected."""


def between_markers(page: str, text: str, name: str = "table") -> str:
    """The page with `text` in place of what stands between the markers of that name; all else as it was.

    Raises:
        CharlocError: the markers are not there, each once and in order.
    """
    begin, end = BEGIN.replace("table", name), END.replace("table", name)
    if page.count(begin) != 1 or page.count(end) != 1 or page.index(begin) > page.index(end):
        raise CharlocError(f"The page needs one {begin} and after it one {end}: the tables go between them.")
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n\n{text.strip()}\n\n{end}{after}"


def tables(jobs: Sequence[Job], results: Mapping[str, Record]) -> str:
    """Markdown of all jobs that have a result: all sets beside each other, then set by set."""
    jobs = [job for job in jobs if job.key in results]
    if not jobs:
        return "There are no results yet."
    sets = list(dict.fromkeys(job.set for job in jobs))
    parts = ["### All sets", _overview(sets, jobs, results)]
    for name in sets:
        of_set = ranked([job for job in jobs if job.set == name], results)
        words = max(results[job.key].get("words") or 0 for job in of_set)
        head = f"### {name}, {words:,} words" if words else f"### {name}"
        parts += [head, _scores(of_set, results), _lessons(of_set, results)]
    return "\n\n".join([*parts, made_with([results[job.key] for job in jobs])])


def ranked(jobs: Sequence[Job], results: Mapping[str, Record]) -> list[Job]:
    """Jobs of one set, most characters right first; those that failed at the end."""
    return sorted(jobs, key=lambda job: -float(_value(results[job.key], "zero", "r50", -1.0)))


def line(record: Record) -> str:
    """A result in a few words."""
    if "error" in record:
        return f"failed: {record['error']}"
    more = f", corrected {_cell(record['corrected']['r50'])}" if "corrected" in record else ""
    return f"r50 {_cell(record['zero']['r50'])}{more}, {record.get('seconds', 0):.0f} s"


def _overview(sets: Sequence[str], jobs: Sequence[Job], results: Mapping[str, Record]) -> str:
    """A row per method, a column per set: r50 (word50) without corrections."""
    by_label: dict[str, dict[str, Record]] = {}
    for job in jobs:
        by_label.setdefault(job.label, {})[job.set] = results[job.key]
    best = {name: max(_shown(row.get(name)) for row in by_label.values()) for name in sets}
    rows = []
    for label, row in sorted(by_label.items(), key=lambda item: -_mean([_shown(item[1].get(name)) for name in sets])):
        cells = [_pair(row.get(name), best[name]) for name in sets]
        rows.append([label, *cells])
    return "r50 (word50) without corrections; the best r50 of a set is bold.\n\n" + markdown(["method", *sets], rows)


def _scores(jobs: Sequence[Job], results: Mapping[str, Record]) -> str:
    rows = []
    for job in jobs:
        for part, share in ROWS:
            found = results[job.key].get(part)
            if found is None:
                cells = ["failed" if "error" in results[job.key] else "not run", *[""] * (len(HEADS) - 1)]
            else:
                cells = [*(_cell(found[name]) for name in SCORES), _cell(found["words_per_s"], 0)]
                cells.append(_cell(found["train_s"], 0))
            rows.append([job.label if part == "zero" else "", share, *cells])
    return markdown(["method", "corrected", *HEADS], rows)


def _lessons(jobs: Sequence[Job], results: Mapping[str, Record]) -> str:
    """What the person was asked, and what the words that were not asked about gained from it."""
    rows = []
    for job in jobs:
        found = results[job.key].get("corrected")
        if found is not None:
            asked = found["asked"]
            wrong = "" if asked["r50"] is None else f"{1 - asked['r50']:.1%}"
            steps = [found.get(part) for part in ("others_before", "others_control", "others_after")]
            gains = ["" if step is None else f"{_cell(step['r50'])} ({_cell(step['word50'])})" for step in steps]
            rows.append([job.label, str(asked["words"]), wrong, *gains])
    if not rows:
        return ""
    heads = ["method", "words corrected", "of their characters wrong", "before", "a round without", "a round with"]
    return "What the corrections taught: r50 (word50) of all other words.\n\n" + markdown(heads, rows)


def made_with(records: Sequence[Record]) -> str:
    """When and with what results came about, in one line."""

    def all_of(name: str) -> str:
        return ", ".join(dict.fromkeys(str(each[name]) for each in sorted(records, key=_date) if name in each))

    dates = sorted({_date(each) for each in records} - {""}) or [""]
    when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    line = f"Measured {when}, revision {all_of('revision')}, torch {all_of('torch')}"
    side_by_side = all_of("jobs")
    return line + (f", a process and a thread a run, {side_by_side} runs at a time." if side_by_side else ".")


def _date(record: Record) -> str:
    return str(record.get("date", ""))


def markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table, its first column to the left and all others to the right."""
    lines = [heads, ["---"] + ["---:"] * (len(heads) - 1), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _cell(value: float | None, places: int = 4) -> str:
    return "" if value is None else f"{value:.{places}f}"


def _pair(record: Record | None, best: float) -> str:
    if record is None:
        return ""
    if "zero" not in record:
        return "failed"
    r50 = _cell(record["zero"]["r50"])
    return f"{f'**{r50}**' if _shown(record) == best else r50} ({_cell(record['zero']['word50'])})"


def _shown(record: Record | None) -> float:
    return 0.0 if record is None else float(_value(record, "zero", "r50", 0.0))


def _value(record: Record, part: str, name: str, otherwise: float) -> float:
    value = record.get(part, {}).get(name)
    return otherwise if value is None else value


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
