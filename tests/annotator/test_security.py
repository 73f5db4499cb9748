"""Requests from elsewhere are refused, whatever route they ask for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from annotator.security import MAX_BODY_BYTES, Security, host_name
from tests.annotator.conftest import ADDRESS, Starter

PATHS = ("/", "/config", "/gradio_api/info", "/api/status", "/static/charloc/x/editor.js")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:7860", "", "a@127.0.0.1", "["])
def test_a_strange_host_is_refused(site: TestClient, path: str, host: str) -> None:
    response = site.get(path, headers={"host": host})
    assert response.status_code == 421
    assert "host" in response.json()["detail"]


@pytest.mark.parametrize("host", ["LOCALHOST", "localhost:7860", "127.0.0.1", "[::1]:7860", "192.168.1.7:80"])
def test_own_hosts_and_addresses_are_answered(site: TestClient, host: str) -> None:
    assert site.get("/api/status", headers={"host": host}).status_code == 200


def test_a_named_host_is_answered_when_allowed() -> None:
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    client = TestClient(Security(app, hosts=["Desk.local"]), base_url="http://desk.local:7860")
    assert client.get("/").status_code == 200
    assert client.get("/", headers={"host": "other.local"}).status_code == 421


@pytest.mark.parametrize("path", ["/api/rounds", "/api/corrections", "/gradio_api/queue/join", "/gradio_api/upload"])
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": ADDRESS, "sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_another_sites_page_changes_nothing(
    site: TestClient, site_starter: Starter, path: str, headers: dict[str, str]
) -> None:
    response = site.post(path, headers=headers, json={"method": "segmental"})
    assert response.status_code == 403
    assert not site_starter.asked


def test_another_sites_page_reads_nothing_but_may_link_here(site: TestClient) -> None:
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}
    assert site.get("/api/status", headers=headers).status_code == 403
    assert site.get("/config", headers=headers).status_code == 403
    assert site.get("/api/status", headers=headers | {"sec-fetch-mode": "navigate"}).status_code == 403
    assert site.get("/", headers=headers | {"sec-fetch-mode": "navigate"}).status_code == 200


def test_preflights_are_refused(site: TestClient) -> None:
    asked = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    response = site.options("/gradio_api/queue/join", headers=asked)
    assert response.status_code == 403
    assert not [name for name in response.headers if name.startswith("access-control-")]


def test_own_page_and_programs_may_post(site: TestClient, site_starter: Starter) -> None:
    own = {"origin": ADDRESS, "sec-fetch-site": "same-origin"}
    assert site.post("/api/rounds", headers=own, json={"method": "guess"}).status_code == 202
    site_starter.code = 0
    assert site.post("/api/rounds", json={"method": "guess"}).status_code == 202


@pytest.mark.parametrize("path", PATHS)
def test_headers_protect_every_answer(site: TestClient, path: str) -> None:
    response = site.get(path, headers={"origin": ADDRESS})
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
    assert not [name for name in response.headers if name.startswith("access-control-")]


def test_a_large_body_is_refused_by_its_stated_length(site: TestClient) -> None:
    response = site.post("/api/corrections", content=b" " * (MAX_BODY_BYTES + 1))
    assert response.status_code == 413
    assert "2 MB" in response.json()["detail"]


def test_a_large_body_of_unknown_length_is_refused_while_it_arrives(site: TestClient) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(30):
            yield b" " * 100_000

    response = site.post("/api/corrections", content=chunks(), headers={"content-type": "application/json"})
    assert response.status_code == 413


def test_no_file_of_this_machine_is_served(site: TestClient, ready_project: Path) -> None:
    database = ready_project / "charloc.db"
    assert database.exists()
    for path in (database, Path(__file__), "charloc.db", "/etc/hostname", "launch.py"):
        for route in ("/gradio_api/file=", "/file=", "/gradio_api/file/", "/static/charloc/x/"):
            assert site.get(f"{route}{path}").status_code in (403, 404), (route, path)


@pytest.mark.parametrize(
    ("host", "name"),
    [("a:1", "a"), ("[::1]:8", "::1"), ("A", "a"), ("a:x", ""), ("a/b", ""), ("u@a", ""), ("", "")],
)
def test_host_name(host: str, name: str) -> None:
    assert host_name(host) == name
