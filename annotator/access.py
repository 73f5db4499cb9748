"""Logins: who a request is from, and whether they may do what it asks.

Without people in the project nobody logs in and everybody may do everything, as on one's own machine. From the first
person on, every request needs a login, that of the pages' frame included.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from urllib.parse import quote

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from annotator.policy import READS, least, may
from annotator.security import is_data
from db import Store
from db.team_records import Person

LOGIN = "/login"
_PERSON: ContextVar[Person | None] = ContextVar("charloc_person", default=None)


def person() -> Person | None:
    """Who this request is from; None where nobody logs in."""
    return _PERSON.get()


def author() -> str:
    """The name that what this request says is kept under; empty where nobody logs in."""
    found = _PERSON.get()
    return found.name if found else ""


def identity(project: Path) -> str:
    """What tells the project in this folder from others at the same address: in the browser's storage, in cookies."""
    return hashlib.sha256(str(project.resolve()).encode()).hexdigest()[:16]


def cookie_name(project: Path) -> str:
    """One a project: cookies of one machine are shared by all ports, and so by all projects that are served on it."""
    return f"charloc_{identity(project)}"


def gradio_user(store: Store) -> Callable[[Request], str | None]:
    """What gradio asks before it answers anything itself: the name, or None where there should be one but is none."""
    return lambda _: author() or (None if store.has_people() else "everybody")


class Access:
    """ASGI middleware that lets a request pass, asks for a login, or refuses.

    Args:
        app: what it protects.
        store: the open project.
        cookie: name of the cookie that carries the session's token.
    """

    def __init__(self, app: ASGIApp, store: Store, cookie: str) -> None:
        self.app = app
        self.store = store
        self.cookie = cookie
        self._has_people = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        needed = least(scope.get("method", "WEBSOCKET"), scope["path"])
        if needed == "anyone":
            await self.app(scope, receive, send)
            return
        known, who = await run_in_threadpool(self.who, scope)
        refusal = self.refusal(scope, needed, who) if known else None
        if refusal is None:
            token = _PERSON.set(who)
            try:
                await self.app(scope, receive, send)
            finally:
                _PERSON.reset(token)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await refusal(scope, receive, send)

    def who(self, scope: Scope) -> tuple[bool, Person | None]:
        """Whether people log in here, and who this is."""
        # People are never removed: once there are some, there always are.
        self._has_people = self._has_people or self.store.has_people()
        token = session_token(scope, self.cookie) if self._has_people else None
        return self._has_people, self.store.session_person(token) if token else None

    def refusal(self, scope: Scope, needed: str, who: Person | None) -> Response | None:
        """The answer to a request that must not pass; None if it may."""
        if who is None:
            if wants_page(scope):
                query = scope.get("query_string", b"").decode("latin-1")
                back = scope["path"] + (f"?{query}" if query else "")
                return RedirectResponse(f"{LOGIN}?next={quote(back, safe='')}", 303)
            return JSONResponse({"detail": "Log in first: open the page anew."}, 401, {"cache-control": "no-store"})
        if not may(who.role, needed):  # type: ignore[arg-type]
            article = "an" if needed[0] in "ao" else "a"
            detail = f"This needs {article} {needed}; '{who.name}' is {who.role} in this project. Ask an owner."
            return JSONResponse({"detail": detail}, 403)
        return None


def session_token(scope: Scope, cookie: str) -> str | None:
    """The session's token that a request carries."""
    found = [cookie_parser(header).get(cookie) for header in Headers(scope=scope).getlist("cookie")]
    return next(filter(None, found), None)


def wants_page(scope: Scope) -> bool:
    """Whether a browser asks for a page that a person is to see."""
    headers = Headers(scope=scope)
    html = "text/html" in headers.get("accept", "")
    return scope.get("method") in READS and html and not is_data(scope["path"])
