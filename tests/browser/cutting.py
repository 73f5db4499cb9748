"""A server between the browser and the application that can break answers off in the middle, as a killed one does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding", "content-length")


class Cutter(ThreadingHTTPServer):
    """Hands on what it is asked; of an answer whose path `cuts`, only the head and half of the body."""

    daemon_threads = True

    def __init__(self, behind: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behind = urlsplit(behind).netloc
        self.cuts: Callable[[str], bool] = lambda path: False
        self.cut: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class _Handler(BaseHTTPRequestHandler):
    server: Cutter

    def do_GET(self) -> None:
        self.hand_on(None)

    def do_POST(self) -> None:
        self.hand_on(self.rfile.read(int(self.headers["content-length"])))

    def hand_on(self, body: bytes | None) -> None:
        ahead = HTTPConnection(self.server.behind, timeout=60)
        with suppress(OSError):  # the page is gone
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
            ahead.request(self.command, self.path, body, headers)
            answer = ahead.getresponse()
            whole = b"" if answer.length is None else answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            if answer.length is not None:
                self.send_header("content-length", str(len(whole)))
            self.end_headers()
            if self.server.cuts(self.path):
                self.server.cut.append(self.path)
                whole = whole[: len(whole) // 2]
            self.wfile.write(whole)
            while part := answer.read1(65536):  # of what says no length, as it comes
                self.wfile.write(part)
        ahead.close()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the application has its own log."""


@contextmanager
def cutter(behind: str) -> Iterator[Cutter]:
    """One before the application at that address."""
    with Cutter(behind) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
