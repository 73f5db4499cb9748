"""A report of a project: one HTML file that needs nothing else to be read, or the same facts as JSON.

facts      what is known of the project, as plain records
page       the facts as HTML: everything that comes from the project is escaped
plots      curves over the rounds, as SVG
pictures   words with their boxes, as SVG around an embedded image
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from annotator.report.facts import gather
from annotator.report.page import page
from charloc.types import CharlocError
from db import Store


def write_report(store: Store, project: Path, out: Path | None, json_out: Path | None) -> None:
    """Write the report of a project.

    Args:
        store: the open project.
        project: its folder.
        out: the HTML file; None for none.
        json_out: the JSON file; None for none.

    Raises:
        CharlocError: a file cannot be written.
    """
    facts = gather(store, project)
    if json_out is not None:
        _write(json_out, json.dumps(facts.as_json(), ensure_ascii=False, indent=1, allow_nan=False) + "\n")
    if out is not None:
        _write(out, page(store, facts))


def _write(path: Path, text: str) -> None:
    """All of it or nothing: whoever reads meanwhile sees the old file or the new one."""
    unfinished = path.with_name(path.name + ".tmp")
    try:
        unfinished.write_text(text, "utf-8")
        os.replace(unfinished, path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise CharlocError(
            f"The report could not be written to {path}: {error.strerror}. Name a file in a folder that exists."
        ) from error
