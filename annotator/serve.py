"""Serve the application of one project until Ctrl-C."""

from __future__ import annotations

import errno
import os
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path

import uvicorn

from annotator.aligner import Aligner
from annotator.rounds import start_round
from charloc import em
from charloc.types import CharlocError
from db import Store

PORTS_TRIED = 100
GRACE_S = 2
"""How long open connections are waited for when the server stops."""


def serve(
    store: Store, project: Path, host: str, port: int | None, first_port: int, ready: Callable[[str], None]
) -> None:
    """Serve the project's pages; returns after Ctrl-C or SIGTERM.

    A project with words but no round, not even one that was interrupted, gets its first proposals meanwhile, in another
    process, so that the page is there at once.

    Args:
        store: the open project; the caller closes it.
        project: its folder.
        host: address to listen on.
        port: the port, or None for the first that is free from `first_port` on.
        first_port: where to begin looking.
        ready: called with the address, once, when the page can be opened.

    Raises:
        CharlocError: the port is taken, or the address is not this machine's.
    """
    with listen(host, port, first_port) as listener:
        from annotator.app import create_app  # gradio takes seconds: not before there is a port

        aligner = Aligner(project)
        try:
            address = url(listener)
            app = create_app(store, project, hosts=(host,), aligner=aligner)
            if _untouched(store):
                # Held until the server stops: a process nobody refers to is complained about.
                first_proposals = start_round(project, em.FIRST)  # noqa: F841
            config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=GRACE_S, server_header=False)
            _Server(config, lambda: ready(address)).run(sockets=[listener])
        finally:
            aligner.close()


def listen(host: str, port: int | None, first_port: int) -> socket.socket:
    """A listening socket: on `port`, or if that is None on the first free port from `first_port` on."""
    for candidate in [port] if port is not None else range(first_port, min(first_port + PORTS_TRIED, 65536)):
        try:
            made = socket.create_server((host, candidate), family=_family(host), backlog=128)
            # asyncio answers without delay (TCP_NODELAY) only where a socket says that it is TCP, which this one does
            # not by itself; without, each answer's body waits 40 ms for the browser to acknowledge its head.
            return socket.socket(made.family, made.type, socket.IPPROTO_TCP, fileno=made.detach())
        except OSError as error:
            if isinstance(error, socket.gaierror) or error.errno not in _TAKEN:
                raise CharlocError(
                    f"Cannot listen on {host}, port {candidate} ({error.strerror}). Use --host 127.0.0.1, or an "
                    "address of this machine and a port above 1023."
                ) from error
    if port is not None:
        raise CharlocError(f"Port {port} is in use. Choose another with --port, or leave it out to have one chosen.")
    raise CharlocError(f"No port from {first_port} on is free. Choose one with --port.")


def url(listener: socket.socket) -> str:
    """What to type into a browser on this machine."""
    host, port = listener.getsockname()[:2]
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{name}:{port}/"


def open_browser(address: str) -> None:
    """Open the address in the person's browser, where there is a screen to open one on."""
    # Without a screen, webbrowser would start a text browser inside this terminal.
    if sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()


def _untouched(store: Store) -> bool:
    """Whether there are words and no round, nor one to go on with: a new round would give that up."""
    return store.word_count() > 0 and store.seen_round() is None and store.unfinished_round() is None


class _Server(uvicorn.Server):
    """A server that says when it is ready."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if not self.should_exit:
            self._ready()


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


# In use; on Windows a port that another program holds exclusively is "not permitted".
_TAKEN = (errno.EADDRINUSE, 10048, 10013)
