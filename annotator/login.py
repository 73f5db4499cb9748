"""The login page, and logging out. Plain HTML: it works before anything of the application has loaded."""

from __future__ import annotations

import time
import unicodedata
from collections import OrderedDict
from collections.abc import Callable
from html import escape
from urllib.parse import parse_qs, quote, urlsplit

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from annotator.access import LOGIN, session_token
from db import Store
from db.people import SESSION_DAYS
from db.team_records import Person

MOST_BODY_BYTES = 20_000
HASHED_AT_ONCE = 2
"""Checking a password takes a processor for a moment on purpose; strangers must not take them all."""

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Log in – {name}</title><meta name="color-scheme" content="light dark">
<link rel="icon" href="{static}/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="{static}/frame.css"><link rel="stylesheet" href="{static}/login.css">
<script>document.documentElement.classList.toggle("dark", matchMedia("(prefers-color-scheme: dark)").matches)</script>
</head><body class="cl-login-body"><main class="cl-login">
<h1>charloc</h1><p class="cl-login-project">{name}</p>
<form method="post" action="{action}">
{problem}<label for="name">Name</label>
<input id="name" name="name" autocomplete="username" autocapitalize="none" spellcheck="false" required
 maxlength="64" value="{given}"{focus_name}{described}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required
 maxlength="1000"{focus_password}{described}>
<button type="submit" class="cl-primary">Log in</button>
</form>
<p class="cl-login-help">No name or password? Ask whoever runs this project.</p>
</main></body></html>
"""


class Attempts:
    """Counts wrong passwords, and says how long to wait after too many.

    Args:
        now: seconds from any fixed point on.
    """

    WINDOW_S = 600
    PER_NAME, PER_ADDRESS = 6, 40
    MOST_REMEMBERED = 10_000

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._failed: OrderedDict[tuple[str, ...], list[float]] = OrderedDict()

    def wait_s(self, name: str, address: str) -> float:
        """Seconds until this name may be tried again from this address; 0 if now."""
        return max(self._wait_s(_key(name, address), self.PER_NAME), self._wait_s((address,), self.PER_ADDRESS))

    def failed(self, name: str, address: str) -> None:
        """Remember a wrong password."""
        for key in (_key(name, address), (address,)):
            self._failed[key] = [*self._recent(key), self._now()]
            self._failed.move_to_end(key)
        while len(self._failed) > self.MOST_REMEMBERED:
            self._failed.popitem(last=False)

    def succeeded(self, name: str, address: str) -> None:
        """Forget this name's wrong passwords; this one try was none: many people may come from one address."""
        self._failed.pop(_key(name, address), None)
        if len(recent := self._recent((address,))) > 1:
            self._failed[(address,)] = recent[:-1]
        else:
            self._failed.pop((address,), None)

    def _recent(self, key: tuple[str, ...]) -> list[float]:
        return [each for each in self._failed.get(key, []) if each > self._now() - self.WINDOW_S]

    def _wait_s(self, key: tuple[str, ...], most: int) -> float:
        recent = self._recent(key)
        return recent[-most] + self.WINDOW_S - self._now() if len(recent) >= most else 0.0


def _key(name: str, address: str) -> tuple[str, ...]:
    """Names that read alike are one person's (`db.people`), so they share their tries."""
    return address, unicodedata.normalize("NFKC", name).casefold()


def make_login_router(store: Store, name: str, static: str, cookie: str) -> APIRouter:
    """The login page, and logging out.

    Args:
        store: the open project.
        name: what the project is called.
        static: where the static files are served, without a slash at the end.
        cookie: name of the cookie that carries the session's token.
    """
    router = APIRouter()
    attempts = Attempts()
    hashing = CapacityLimiter(HASHED_AT_ONCE)

    def page(back: str, problem: str = "", given: str = "", status: int = 200) -> Response:
        html = PAGE.format(
            name=escape(name),
            static=static,
            action=LOGIN + (f"?next={quote(back, safe='')}" if back != "/" else ""),
            problem=f'<p class="cl-login-problem" id="problem" role="alert">{escape(problem)}</p>' if problem else "",
            given=escape(given),
            focus_name="" if given else " autofocus",
            focus_password=" autofocus" if given else "",
            described=' aria-describedby="problem" aria-invalid="true"' if problem else "",
        )
        return HTMLResponse(html, status, {"cache-control": "no-store"})

    @router.get(LOGIN)
    def show(request: Request) -> Response:
        """The page; whoever is logged in already, or need not be, goes on."""
        back = own_path(request.query_params.get("next", ""))
        token = session_token(request.scope, cookie)
        if not store.has_people() or (token and store.session_person(token)):
            return RedirectResponse(back, 303)
        return page(back)

    @router.post(LOGIN)
    async def log_in(request: Request) -> Response:
        """Check name and password; on to where the person wanted to go, with a session."""
        back = own_path(request.query_params.get("next", ""))
        body = await request.body()
        form = parse_qs(body[:MOST_BODY_BYTES].decode("utf-8", "replace"))
        given, password = (form.get(field, [""])[0] for field in ("name", "password"))
        given = given.strip()[:64]
        address = request.client.host if request.client else ""
        wait_s = attempts.wait_s(given, address)
        if wait_s > 0:
            minutes = int(wait_s // 60) + 1
            problem = f"Too many wrong passwords. Try again in {minutes} minute{'s' if minutes > 1 else ''}."
            refused = page(back, problem, given, 429)
            refused.headers["retry-after"] = str(int(wait_s) + 1)
            return refused
        # Counted before it is checked: many at once are not more tries than one after the other.
        attempts.failed(given, address)
        who = await to_thread.run_sync(store.check_password, given, password, limiter=hashing)
        if who is None:
            return page(back, "Name and password do not fit together, or the login was disabled.", given, 401)
        attempts.succeeded(given, address)
        answer = RedirectResponse(back, 303, {"cache-control": "no-store"})
        await to_thread.run_sync(open_session, answer, who, request.url.scheme == "https")
        return answer

    def open_session(answer: Response, who: Person, secure: bool) -> None:
        token = store.open_session(who.id)
        days = int(SESSION_DAYS * 24 * 3600)
        answer.set_cookie(cookie, token, max_age=days, path="/", secure=secure, httponly=True, samesite="lax")

    @router.post("/logout")
    def log_out(request: Request, everywhere: bool = False) -> Response:
        """End the session of this browser, or all of the same person."""
        token = session_token(request.scope, cookie)
        if token and (who := store.session_person(token)):
            store.close_session(token, everywhere=everywhere)
            store.release(who.name)
        answer = RedirectResponse(LOGIN, 303, {"cache-control": "no-store"})
        answer.delete_cookie(cookie, path="/", httponly=True, samesite="lax")
        return answer

    return router


def own_path(path: str) -> str:
    """A path of this site to go on to; "/" for anything else, so that a link here cannot lead elsewhere."""
    parts = urlsplit(path)
    plain = path.startswith("/") and not path.startswith(("//", "/\\")) and not any(ord(c) < 33 for c in path)
    own = plain and not parts.scheme and not parts.netloc and not parts.path.startswith((LOGIN, "/api/", "/logout"))
    return path if own else "/"
