"""A real browser on a real server on a real store."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from annotator.aligner import Aligner
from annotator.serve import listen
from db import Store
from tests.annotator.conftest import create_app, event_loops_closed
from tests.browser.browsers import launch_chromium
from tests.browser.looking import ready
from tests.browser.server import start
from tests.projects import TEXTS, make_project

SERVER = Path(__file__).with_name("server.py")
TIMEOUT_S = 60
PROFILE: Any = {"viewport": {"width": 1280, "height": 800}, "locale": "en-GB"}
ALLOWED_COMPLAINTS = ("net::ERR_", "Failed to load resource")
GRADIO = "/assets/"
"""Where Gradio's own scripts are: one that is still loading its list of endpoints logs that the server was killed."""


class Server:
    """The application in a process of its own, which can be killed and started again at the same address."""

    def __init__(self, project: Path) -> None:
        self.project = project
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.process = subprocess.Popen([sys.executable, str(SERVER), str(self.project), str(self.port)])
        until = time.monotonic() + TIMEOUT_S
        while True:
            try:
                with urllib.request.urlopen(self.url + "api/status", timeout=5):
                    return
            except OSError as error:
                if self.process.poll() is not None:
                    raise RuntimeError(f"The server ended with status {self.process.returncode}.") from error
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)

    def kill(self) -> None:
        """Kill it as the machine would: no goodbye."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = launch_chromium(playwright)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def visitor(browser: Browser) -> Iterator[BrowserContext]:
    """A browser's profile that has been here before: it has Gradio's scripts, and forgets all else between tests."""
    with browser.new_context(**PROFILE) as context:
        yield context


@pytest.fixture(scope="session")
def port() -> int:
    """Where each test's server listens in its turn: a browser keeps compiled scripts by address."""
    return free_port()


@pytest.fixture(scope="session")
def ready_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project made once, to be copied."""
    folder = tmp_path_factory.mktemp("ready") / "project"
    make_project(folder).close()
    return folder


@pytest.fixture
def project(ready_project: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(ready_project, tmp_path / "project"))


@pytest.fixture
def store(project: Path) -> Iterator[Store]:
    """The project's store, as the test sees it beside the server's."""
    with Store.open(project) as opened:
        yield opened


@pytest.fixture
def server(store: Store, project: Path, port: int) -> Iterator[str]:
    """The address of the application, served from this process."""
    with served(store, project, port) as url:
        yield url


@pytest.fixture
def killable(project: Path) -> Iterator[Server]:
    """The application in a process of its own."""
    made = Server(project)
    made.start()
    yield made
    made.kill()


@pytest.fixture
def page(visitor: BrowserContext, server: str) -> Iterator[Page]:
    """The editor with its first word, nothing clicked; any complaint of the browser fails the test."""
    opened = visitor.new_page()
    devtools = visitor.new_cdp_session(opened)
    devtools.send("Storage.clearDataForOrigin", {"origin": server.rstrip("/"), "storageTypes": "all"})
    devtools.detach()
    visitor.clear_cookies()
    try:
        with heard(opened):
            opened.goto(server)
            yield opened
    finally:
        for each in visitor.pages:
            each.close()


@pytest.fixture
def killable_page(browser: Browser, killable: Server) -> Iterator[Page]:
    """The same, on a server that can be killed."""
    with uncomplaining(browser, killable.url) as opened:
        yield opened


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Store]]:
    """The address and the store of a larger project that all tests of a module share."""
    folder = tmp_path_factory.mktemp("lasting") / "project"
    with make_project(folder, [*TEXTS, *(text[::-1] for text in TEXTS)]) as opened, served(opened, folder) as url:
        yield url, opened


@pytest.fixture(scope="module")
def lasting_page(browser: Browser, lasting: tuple[str, Store]) -> Iterator[Page]:
    with uncomplaining(browser, lasting[0]) as opened:
        yield opened


@pytest.fixture
def fresh_page(lasting_page: Page) -> Page:
    """The module's one page, as if it were new: it remembers nothing, and shows the next word of the queue."""
    lasting_page.unroute_all(behavior="ignoreErrors")
    ready(lasting_page)
    lasting_page.evaluate("clearTimeout(charloc.remembering); localStorage.clear()")
    lasting_page.reload()
    ready(lasting_page)
    return lasting_page


@contextmanager
def uncomplaining(browser: Browser, url: str) -> Iterator[Page]:
    """A page in a profile of its own, whose errors, other than of the network, fail the test."""
    with browser.new_context(**PROFILE) as context:
        opened = context.new_page()
        with heard(opened):
            opened.goto(url)
            yield opened


@contextmanager
def heard(page: Page) -> Iterator[None]:
    """Whatever the page complains of meanwhile, other than of the network, fails the test."""
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        of_gradio = message.text == "Failed to fetch" and GRADIO in message.location.get("url", "")
        if message.type == "error" and not of_gradio and not any(text in message.text for text in ALLOWED_COMPLAINTS):
            complaints.append(f"{message.text} ({message.location})")

    page.on("pageerror", lambda error: complaints.append(error.stack or str(error)))
    page.on("console", listen)
    yield
    assert not complaints


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def served(store: Store, project: Path, port: int = 0, aligner: Aligner | None = None) -> Iterator[str]:
    """The application in a thread of this process; yields its address."""
    with event_loops_closed():
        app = create_app(store, project, start=start, aligner=aligner)
    listener = listen("127.0.0.1", port, port)
    running = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        running.should_exit = True
        thread.join()
        listener.close()
