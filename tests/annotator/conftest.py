"""The application in this process, without a browser."""

from __future__ import annotations

import asyncio
import gc
import shutil
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from charloc.methods import METHODS, Entry
from db import Store
from tests import fake_method
from tests.annotator.fakes import WORDS
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
        self.settings: list[Mapping[str, object]] = []
        self.cancelled = 0
        self.code: int | None = None

    def __call__(self, project: Path, method: str, settings: Mapping[str, object]) -> Starter:
        self.asked.append(method)
        self.settings.append(settings)
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
def fake_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for a project, in which fake methods can be trained."""
    for name in fake_method.FAKES:
        monkeypatch.setitem(METHODS, name, METHODS["guess"])  # put back what register changes
    monkeypatch.setitem(METHODS, "nephew", Entry("tests.fake_method", "Nephew", True, "for tests", kin=("fake",)))
    fake_method.register()
    fake_method.M_STEPS.clear()
    return tmp_path


@pytest.fixture
def fake_store(fake_project: Path) -> Iterator[Store]:
    """A store with words and no round."""
    with Store.open(fake_project, create=True) as opened:
        opened.add_words(fake_method.words(WORDS))
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
