"""The application: the Gradio pages, the REST interface and the static files, on one FastAPI app."""

from __future__ import annotations

import hashlib
import mimetypes
import os
from collections.abc import Callable, Collection
from pathlib import Path

# Nothing is sent to anyone, whatever gradio's default is.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response

from annotator.access import Access, cookie_name, gradio_user, identity
from annotator.aligner import Aligner
from annotator.api import Refused, make_router
from annotator.jobs import Busy, Jobs, Start
from annotator.login import make_login_router
from annotator.pages import THEME, build, head
from annotator.rounds import cancel_round, start_round
from annotator.routes_audit import make_audit_router
from annotator.routes_glyphs import make_glyph_router
from annotator.routes_people import make_people_router
from annotator.routes_progress import make_progress_router
from annotator.routes_queue import make_queue_router
from annotator.routes_realign import make_realign_router
from annotator.routes_rounds import make_rounds_router
from annotator.routes_suspicious import Look, make_suspicious_router
from annotator.routes_words import make_words_router
from annotator.security import Security
from annotator.suspicions import start_looking
from charloc.types import CharlocError
from db import Store

STATIC = Path(__file__).parent / "static"


def create_app(
    store: Store,
    project: Path,
    *,
    hosts: Collection[str] = (),
    start: Start = start_round,
    cancel: Callable[[Store], object] = cancel_round,
    aligner: Aligner | None = None,
    look: Look = start_looking,
) -> FastAPI:
    """The whole application on an open project.

    Args:
        store: the project's store; the caller closes it after the server has stopped.
        project: the project's folder.
        hosts: host names it may be opened under, besides this machine's own.
        start: starts a process that runs one round.
        cancel: asks the running round to stop.
        aligner: re-aligns words while a person works on them; the caller closes it. None: nobody does.
        look: starts a process that looks for suspicious transcripts.

    Returns:
        An ASGI application; the page is at "/".
    """
    app = create_rest(store, project, start=start, cancel=cancel, aligner=aligner, look=look)
    static = f"/static/charloc/{add_static(app)}"
    cookie = cookie_name(project)
    app.include_router(make_login_router(store, project.resolve().name, static, cookie))
    gr.mount_gradio_app(
        app,
        build(project.resolve().name, static),
        path="/",
        theme=THEME,
        head=head(static),
        ssr_mode=False,
        footer_links=[],
        enable_monitoring=False,
        run_history=False,
        max_file_size="1mb",
        show_error=False,
        auth_dependency=gradio_user(store),
    )
    # What was added last is asked first: whether a request may come in at all, then who it is from.
    app.add_middleware(Access, store=store, cookie=cookie)
    app.add_middleware(Security, hosts=hosts)
    return app


def create_rest(
    store: Store,
    project: Path,
    *,
    start: Start,
    cancel: Callable[[Store], object],
    aligner: Aligner | None = None,
    look: Look = start_looking,
) -> FastAPI:
    """The REST interface alone, unprotected; arguments as for `create_app`."""
    app = FastAPI(title="charloc", docs_url=None, redoc_url=None, openapi_url=None)
    # A folder's decisions wait in the browser under this name until the same folder is served again.
    shown: dict[str, object] = {"id": identity(project), "name": project.resolve().name}
    jobs = Jobs(store, project, start, cancel)
    app.include_router(make_router(store, jobs, shown))
    app.include_router(make_rounds_router(store, jobs))
    app.include_router(make_audit_router(store))
    app.include_router(make_queue_router(store))
    app.include_router(make_glyph_router(store))
    app.include_router(make_people_router(store))
    app.include_router(make_words_router(store))
    app.include_router(make_progress_router(store))
    app.include_router(make_realign_router(store, aligner))
    app.include_router(make_suspicious_router(store, project, look))
    add_errors(app)
    return app


def add_static(app: FastAPI) -> str:
    """Serve `static/` from memory under a path that changes with its content; return that part of the path."""
    files = {path.name: path.read_bytes() for path in sorted(STATIC.iterdir()) if path.is_file()}
    version = hashlib.sha256(b"\0".join(name.encode() + b"\0" + data for name, data in files.items())).hexdigest()[:12]

    @app.get("/static/charloc/{asked}/{name}")
    def static(asked: str, name: str) -> Response:
        if name not in files:
            return JSONResponse({"detail": f"There is no file '{name}'."}, status_code=404)
        kept = "public, max-age=31536000, immutable" if asked == version else "no-cache"
        media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        return Response(files[name], media_type=media_type, headers={"cache-control": kept})

    return version


def add_errors(app: FastAPI) -> None:
    """Answer every error with {"detail": a sentence for people}."""

    @app.exception_handler(Refused)
    def refused(request: Request, error: Refused) -> Response:
        return JSONResponse({"detail": str(error)}, status_code=error.status)

    @app.exception_handler(Busy)
    def busy(request: Request, error: Busy) -> Response:
        return JSONResponse({"detail": str(error)}, status_code=409)

    @app.exception_handler(CharlocError)
    def known(request: Request, error: CharlocError) -> Response:
        return JSONResponse({"detail": str(error)}, status_code=422)

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        return JSONResponse({"detail": " ".join(map(sentence, error.errors()[:3]))}, status_code=422)

    @app.exception_handler(Exception)
    def unknown(request: Request, error: Exception) -> Response:
        return JSONResponse({"detail": "Something went wrong on the server; its log says what."}, status_code=500)


def sentence(problem: dict[str, object]) -> str:
    """One validation problem, as "characters, item 3, state: Input should be ... (got 'x')."."""
    where = problem.get("loc")
    parts = [part for part in where if part not in ("body", "query", "path")] if isinstance(where, tuple) else []
    place = ", ".join(f"item {part + 1}" if isinstance(part, int) else str(part) for part in parts) or "request"
    given = problem.get("input")
    got = f" (got {given!r:.60})" if isinstance(given, str | int | float | None) else ""
    return f"{place}: {problem.get('msg')}{got}."
