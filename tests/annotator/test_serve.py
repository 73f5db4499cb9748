"""What opening the page begins."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import uvicorn

from annotator import serve
from db import Store
from tests.projects import add_words

WORD = ("fire",)


@pytest.mark.parametrize("state", ["new", "running", "interrupted", "cancelled", "empty"])
def test_the_first_proposals_are_started_unless_there_is_something_to_go_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    started: list[str] = []
    monkeypatch.setattr(serve, "create_app", lambda *arguments, **options: None)
    monkeypatch.setattr(uvicorn.Server, "run", lambda server, sockets: None)
    monkeypatch.setattr(serve, "start_round", lambda project, method: started.append(method))
    with Store.open(tmp_path, create=True) as store:
        if state != "empty":
            add_words(store, WORD)
        if state in ("running", "interrupted", "cancelled"):
            this = store.begin_round("ctc", parent_id=None, settings={"init": "flat"}, pid=os.getpid())
            if state != "running":
                store.end_round(this.id, state, "stopped")
        serve.serve(store, tmp_path, "127.0.0.1", None, 20000, lambda address: None)
        assert started == (["pretrained"] if state in ("new", "cancelled") else [])
        unfinished = store.unfinished_round()
        assert (unfinished.state if unfinished else None) == (state if state in ("running", "interrupted") else None)
