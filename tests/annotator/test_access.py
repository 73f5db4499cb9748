"""Who gets in, and what they may do."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter
from starlette.routing import Mount
from starlette.testclient import TestClient

from annotator.access import cookie_name
from annotator.login import Attempts, own_path
from annotator.policy import POLICY, least, rule
from db import Store
from tests.annotator.conftest import ADDRESS, Starter, create_app, event_loops_closed
from tests.annotator.test_api import decision
from tests.team import PASSWORD, TEAM, add_team, log_in

PAGES = {"accept": "text/html,*/*"}


@pytest.fixture(scope="module")
def team_project(ready_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(ready_project, tmp_path_factory.mktemp("team") / "project"))


@pytest.fixture(scope="module")
def team_store(team_project: Path) -> Iterator[Store]:
    with Store.open(team_project) as store:
        add_team(store)
        yield store


@pytest.fixture(scope="module")
def team_starter() -> Starter:
    return Starter()


@pytest.fixture(scope="module")
def team_site(team_store: Store, team_project: Path, team_starter: Starter) -> TestClient:
    with event_loops_closed():
        app = create_app(team_store, team_project, start=team_starter, cancel=team_starter.cancel)
    return TestClient(app, base_url=ADDRESS)


@pytest.fixture
def browser(team_site: TestClient) -> TestClient:
    """A browser in which nobody is logged in."""
    return TestClient(team_site.app, base_url=ADDRESS)


def in_browser(site: TestClient, name: str) -> TestClient:
    client = TestClient(site.app, base_url=ADDRESS)
    assert log_in(client, name) == 303
    return client


def all_routes(app: Any, prefix: str = "", gradio: bool = False) -> list[tuple[str, str, bool]]:
    """Every (method, path, whether it is gradio's) that the application answers."""
    found = []
    for route in app.routes:
        if isinstance(route, Mount):
            below = route.app if hasattr(route.app, "routes") else APIRouter()  # a folder has no routes
            found += all_routes(below, prefix + route.path.rstrip("/"), True)
        elif hasattr(route, "original_router"):  # FastAPI keeps an included router as one route
            found += all_routes(route.original_router, prefix + route.include_context.prefix, gradio)
        else:
            found += [(method, prefix + route.path, gradio) for method in getattr(route, "methods", ["WEBSOCKET"])]
    return found


def test_every_route_is_in_the_table(team_site: TestClient) -> None:
    routes = all_routes(team_site.app)
    assert len([each for each in routes if each[2]]) > 20, "gradio's routes are looked through, too"
    own = [(method, path) for method, path, gradio in routes if not gradio]
    assert ("POST", "/api/corrections") in own
    missing = [(method, path) for method, path in own if rule(method, path) is None]
    assert not missing, f"say in annotator/policy.py who may ask for {missing}"
    for method, path, gradio in routes:
        if gradio:
            needed = least(method, path)
            own_first = needed == "anyone" and (method, path) in own
            assert own_first or needed in ("reader", "owner"), (method, path)
            assert method in ("GET", "HEAD") or own_first or needed == "owner", (method, path)


def test_the_table_says_nothing_twice_and_nothing_in_vain(team_site: TestClient) -> None:
    assert len({(method, path) for method, path, _ in POLICY}) == len(POLICY)
    routes = all_routes(team_site.app)
    for method, template, role in POLICY:
        if not template.endswith("/*"):
            fits = [path for known, path, _ in routes if known in (method, "HEAD") and rule(method, path) == role]
            assert fits, f"{method} {template} is no route"


@pytest.mark.parametrize(
    "path",
    ["/api/status", "/api/queue", "/api/words/1", "/images/" + "0" * 64, "/config", "/gradio_api/info", "/theme.css"],
)
def test_nothing_is_read_without_a_login(browser: TestClient, path: str) -> None:
    response = browser.get(path)
    assert response.status_code == 401
    assert "Log in" in response.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/corrections"), ("POST", "/api/rounds"), ("POST", "/gradio_api/queue/join"),
        ("POST", "/gradio_api/upload"), ("DELETE", "/api/words/1"), ("OPTIONS", "/api/corrections"),
        ("POST", "/api/unheard-of"), ("GET", "//api/status"), ("GET", "/api/../api/status"),
    ],
)  # fmt: skip
def test_nothing_is_done_without_a_login(browser: TestClient, method: str, path: str) -> None:
    assert browser.request(method, path).status_code == 401


def test_a_page_leads_to_the_login_and_back(browser: TestClient) -> None:
    response = browser.get("/?word=3&queue=flagged", headers=PAGES, follow_redirects=False)
    assert response.status_code == 303
    login = response.headers["location"]
    page = browser.get(login)
    assert page.status_code == 200 and "no-store" in page.headers["cache-control"]
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    form = {"name": "Ben", "password": PASSWORD}
    answer = browser.post(login, data=form, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/?word=3&queue=flagged")
    assert browser.get("/", headers=PAGES).status_code == 200
    assert browser.get("/config").status_code == 200
    assert browser.get("/login", follow_redirects=False).headers["location"] == "/"


def test_the_cookie_is_for_this_server_only(browser: TestClient, team_project: Path) -> None:
    answer = browser.post("/login", data={"name": "Ben", "password": PASSWORD}, follow_redirects=False)
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(cookie_name(team_project) + "=")
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Path=/" in cookie and "Max-Age" in cookie
    assert "Secure" not in cookie
    safe = TestClient(browser.app, base_url=ADDRESS.replace("http:", "https:"))
    answer = safe.post("/login", data={"name": "Ben", "password": PASSWORD}, follow_redirects=False)
    assert "Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize("name", ["Ben", "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>'])
def test_a_wrong_password_is_told_and_no_text_becomes_code(browser: TestClient, name: str) -> None:
    response = browser.post("/login", data={"name": name, "password": "wrong horse"})
    assert response.status_code == 401
    assert "do not fit together" in response.text and 'role="alert"' in response.text
    assert "<script>alert" not in response.text and "<img" not in response.text
    assert browser.get("/api/status").status_code == 401


def test_another_sites_page_logs_nobody_in(browser: TestClient) -> None:
    headers = {"origin": "https://evil.example"}
    assert browser.post("/login", data={"name": "Ben", "password": PASSWORD}, headers=headers).status_code == 403
    assert browser.post("/logout", headers=headers).status_code == 403


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"name=Ben", b"&" * 19_000, b"name=Ben&password=%ff", b"=" * 100])
def test_wild_forms_are_refused(browser: TestClient, body: bytes) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    assert browser.post("/login", content=body, headers=headers).status_code in (401, 429)


def test_too_many_wrong_passwords_have_to_wait(team_site: TestClient) -> None:
    for _ in range(Attempts.PER_NAME):
        assert log_in(team_site, "Cid", "wrong horse") == 401
    response = team_site.post("/login", data={"name": "cid", "password": PASSWORD})
    assert response.status_code == 429 and "10 minutes" in response.text
    assert int(response.headers["retry-after"]) <= Attempts.WINDOW_S + 1
    assert log_in(team_site, "Ada") == 303, "others are not held up"


def test_waiting_ends_and_what_succeeded_is_forgotten() -> None:
    now = [0.0]
    attempts = Attempts(lambda: now[0])
    for second in range(Attempts.PER_NAME):
        assert attempts.wait_s("Ben", "1.2.3.4") == 0
        now[0] = float(second)
        attempts.failed("ben", "1.2.3.4")
    assert attempts.wait_s("\uff22en", "1.2.3.4") > 0, "a look-alike is no other person"
    assert attempts.wait_s("BEN", "1.2.3.4") == pytest.approx(Attempts.WINDOW_S - now[0])
    assert attempts.wait_s("Ben", "4.3.2.1") == attempts.wait_s("Ada", "1.2.3.4") == 0
    attempts.succeeded("Ben", "1.2.3.4")
    assert attempts.wait_s("Ben", "1.2.3.4") == 0
    for name in range(Attempts.PER_ADDRESS):
        attempts.failed(str(name), "1.2.3.4")
    assert attempts.wait_s("Ada", "1.2.3.4") > 0
    now[0] += Attempts.WINDOW_S + 1
    assert attempts.wait_s("Ada", "1.2.3.4") == 0


def test_many_people_may_log_in_from_one_address() -> None:
    attempts = Attempts(lambda: 0.0)
    for name in range(2 * Attempts.PER_ADDRESS):
        assert attempts.wait_s(str(name), "1.2.3.4") == 0
        attempts.failed(str(name), "1.2.3.4")
        attempts.succeeded(str(name), "1.2.3.4")


def test_logging_out_here_and_everywhere(team_site: TestClient) -> None:
    one, other = in_browser(team_site, "Ben"), in_browser(team_site, "Ben")
    token = one.cookies[next(iter(one.cookies.keys()))]
    assert one.post("/logout", follow_redirects=False).headers["location"] == "/login"
    assert one.get("/api/status").status_code == 401
    one.cookies.set(next(iter(other.cookies.keys())), token)
    assert one.get("/api/status").status_code == 401, "a token that was given back is worth nothing"
    assert other.get("/api/status").status_code == 200
    third = in_browser(team_site, "Ben")
    third.post("/logout?everywhere=1")
    assert other.get("/api/status").status_code == 401


def test_what_each_role_may_do(team_site: TestClient, team_store: Store, team_starter: Starter) -> None:
    (word,) = team_store.words([1])
    seen = {"id": 1, "key": word.key, "boxes": [], "round_id": None}
    said = decision(seen, "flag", reason="smudged")
    statuses = {}
    for name in ("Rea", "Ben", "Ada"):
        browser = in_browser(team_site, name)
        assert browser.get("/api/status").json()["person"] == {"name": name, "role": TEAM[name]}
        wanted = [("/api/corrections", said), ("/api/rounds", {"method": "guess"}), ("/gradio_api/queue/join", {})]
        statuses[name] = [browser.post(path, json=body).status_code for path, body in wanted]
    assert statuses["Rea"] == [403, 403, 403]
    assert statuses["Ben"] == [200, 403, 403]
    assert statuses["Ada"][1] == 202 and 403 not in statuses["Ada"]
    assert team_starter.asked == ["guess"]
    (kept,) = team_store.history(1)
    assert kept.author == "Ben"


@pytest.mark.parametrize("path", ["/api/people", "/api/people/disagreements", "/api/people/Ben/revert"])
def test_a_path_in_disguise_opens_nothing(team_site: TestClient, path: str) -> None:
    browser = in_browser(team_site, "Rea")
    assert [browser.get(path + end).status_code for end in ("", "%0A", "%0a%0A", "/")] == [403] * 4
    assert in_browser(team_site, "Ada").get(path).status_code == 200


def test_a_refusal_says_what_is_needed(team_site: TestClient) -> None:
    response = in_browser(team_site, "Rea").post("/api/rounds", json={"method": "guess"})
    assert response.json()["detail"] == "This needs an owner; 'Rea' is reader in this project. Ask an owner."


def test_what_waits_in_a_browser_is_each_persons_own(team_site: TestClient) -> None:
    ids = {in_browser(team_site, name).get("/api/status").json()["project"]["id"] for name in ("Ada", "Ben", "Ben")}
    assert len(ids) == 2


def test_without_people_nobody_logs_in(site: TestClient) -> None:
    status = site.get("/api/status").json()
    assert status["person"] is None and "." not in status["project"]["id"]
    assert site.get("/login", follow_redirects=False).headers["location"] == "/"


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        ("/?word=3", "/?word=3"), ("", "/"), ("//evil.example", "/"), ("https://evil.example", "/"), ("/\\evil", "/"),
        ("/\t/evil.example", "/"), ("javascript:alert(1)", "/"), ("/login?next=/", "/"), ("/logout", "/"),
    ],
)  # fmt: skip
def test_own_path(asked: str, path: str) -> None:
    assert own_path(asked) == path
