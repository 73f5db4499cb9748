"""What opening the page begins."""

from __future__ import annotations

import asyncio
import os
import socket
from concurrent.futures import ThreadPoolExecutor
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
    monkeypatch.setattr("annotator.app.create_app", lambda *arguments, **options: None)
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


def test_answers_leave_at_once() -> None:
    """Nagle's algorithm would hold each answer's body back until the browser acknowledges its head: 40 ms."""

    async def accepted() -> int:
        found: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        class Accepts(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                accepted = transport.get_extra_info("socket")
                found.set_result(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
                transport.close()

        with serve.listen("127.0.0.1", None, 20000) as listener:
            server = await asyncio.get_running_loop().create_server(Accepts, sock=listener)
            with socket.create_connection(listener.getsockname()[:2]):
                option = await found
            server.close()
            await server.wait_closed()
        return option

    # In a thread of its own: a browser's driver may have an event loop running in this one.
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(asyncio.run, accepted()).result()
