"""A store on a real file, one for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from db import Store
from tests.db.make import assert_whole


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty project; whatever the test did to it, it has to be whole in the end."""
    with Store.open(tmp_path, create=True) as opened:
        yield opened
        assert_whole(opened)
