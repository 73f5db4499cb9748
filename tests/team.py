"""People for tests: their passwords take no time to check."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from starlette.testclient import TestClient

from db import Store, passwords
from db.team_records import Role

PASSWORD = "correct horse"
TEAM: dict[str, Role] = {"Ada": "owner", "Ben": "annotator", "Cid": "annotator", "Rea": "reader"}


@contextmanager
def cheap_passwords() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(passwords.COST, "n", 2)
        patch.setitem(passwords.COST, "p", 1)
        yield


def add_team(store: Store) -> None:
    """Add everybody of TEAM."""
    with cheap_passwords():
        for name, role in TEAM.items():
            store.add_person(name, role, PASSWORD)


def log_in(client: TestClient, name: str, password: str = PASSWORD) -> int:
    """Fill in the login page; returns the status of the answer."""
    response = client.post("/login", data={"name": name, "password": password}, follow_redirects=False)
    return response.status_code
