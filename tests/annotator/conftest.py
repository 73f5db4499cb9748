"""The application in this process, without a browser."""

from __future__ import annotations

import asyncio
import gc
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from db import Store
from tests.projects import make_project


@contextmanager
def event_loops_closed() -> Iterator[None]:
    """Gradio leaves event loops open when it is imported and when pages are built: close and forget them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
        with suppress(RuntimeError):
            asyncio.get_event_loop_policy().get_event_loop().close()
        asyncio.set_event_loop(None)
        gc.collect()


with event_loops_closed():
    from annotator.app import create_app, create_rest

ADDRESS = "http://127.0.0.1:7860"


class Starter:
    """In place of a training process: remembers what was asked for, and is whatever a test sets it to be."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.cancelled = 0
        self.code: int | None = None

    def __call__(self, project: Path, method: str) -> Starter:
        self.asked.append(method)
        return self

    def cancel(self, store: Store) -> None:
        self.cancelled += 1

    def poll(self) -> int | None:
        return self.code


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
    with Store.open(project) as opened:
        yield opened


@pytest.fixture
def starter() -> Starter:
    return Starter()


@pytest.fixture
def client(store: Store, project: Path, starter: Starter) -> TestClient:
    """The REST interface."""
    return TestClient(create_rest(store, project, start=starter, cancel=starter.cancel), base_url=ADDRESS)


@pytest.fixture(scope="module")
def site_starter() -> Starter:
    return Starter()


@pytest.fixture(scope="module")
def site(ready_project: Path, tmp_path_factory: pytest.TempPathFactory, site_starter: Starter) -> Iterator[TestClient]:
    """The whole application, pages and checks included; shared by the tests of a module."""
    project = Path(shutil.copytree(ready_project, tmp_path_factory.mktemp("site") / "project"))
    with Store.open(project) as store:
        with event_loops_closed():
            app = create_app(store, project, start=site_starter, cancel=site_starter.cancel)
        yield TestClient(app, base_url=ADDRESS)
