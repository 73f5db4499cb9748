"""What every request must pass before it reaches the application, and what every response says to the browser.

Who may do what is `annotator.policy`'s matter, where there are people at all. What threatens an application that
listens on this machine is another page, open in the same browser, that sends requests here. So a request must name a
host we answer to (a stranger's domain that resolves to this machine does not), and one that a browser made for
another site is refused. Gradio's own checks do not do this: on a host that is not localhost it echoes any Origin.
"""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
MAX_BODY_BYTES = 2_000_000
"""A correction of a line of 1,000 characters is about 100 kB."""

SAFE_METHODS = frozenset({"GET", "HEAD"})
OWN_SITE = frozenset({"same-origin", "none"})

# Gradio builds its components with inline styles and `new Function`; everything else is closed.
PAGE_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"
DATA_PATHS = ("/api/", "/images/")

HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


class TooLarge(Exception):
    """A body went over the limit while it was being read."""


class Security:
    """ASGI middleware: host, origin and body-size checks on the way in, protective headers on the way out.

    Args:
        app: what it protects.
        hosts: names, besides this machine's own, that a request may be addressed to (no port). Plain addresses
            always may: only a name can be pointed at this machine by a stranger.
        max_body_bytes: largest request body; more is answered with 413, counted as it arrives.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str] = (), max_body_bytes: int = MAX_BODY_BYTES) -> None:
        self.app = app
        self.hosts = LOCAL_HOSTS | {host.lower() for host in hosts}
        self.max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        refusal = self.refusal(scope)
        if refusal is not None:
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
            else:
                status, message = refusal
                await JSONResponse({"detail": message}, status)(scope, receive, self.protected(scope, send))
            return
        if scope["type"] == "websocket":
            await self.app(scope, receive, send)
            return
        await self.limited(scope, receive, self.protected(scope, send))

    def refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Status and message if this request must not pass; None if it may."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        name = host_name(host)
        if name not in self.hosts and not is_address(name):
            return 421, (
                f"This server does not answer to the host '{host[:100]}'. Open it as http://127.0.0.1, "
                "or start it with that host name allowed."
            )
        method = scope.get("method", "GET")
        changes = method not in SAFE_METHODS or scope["type"] == "websocket"
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower() and (changes or origin != "null"):
            return 403, "This request came from another site's page, so it was refused."
        # A link from elsewhere may open the page; nothing else may be fetched for another site.
        navigation = headers.get("sec-fetch-mode") == "navigate" and not changes and not is_data(scope["path"])
        if headers.get("sec-fetch-site", "none") not in OWN_SITE and not navigation:
            return 403, "This request came from another site's page, so it was refused."
        length = headers.get("content-length")
        if length is not None and (not length.isdecimal() or int(length) > self.max_body_bytes):
            return 413, f"The request is larger than {self.max_body_bytes / 1e6:.0f} MB."
        return None

    async def limited(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application, but stop reading a body that turns out to be too large (it need not say its length)."""
        read = 0
        started = False

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self.max_body_bytes:
                raise TooLarge
            return message

        async def watched(message: Message) -> None:
            nonlocal started
            # Whatever the application makes of a body that broke off, the answer is that it was too large.
            if started or read <= self.max_body_bytes:
                started = True
                await send(message)

        try:
            await self.app(scope, counted, watched)
        except TooLarge:
            pass
        finally:
            if read > self.max_body_bytes and not started:
                message = f"The request is larger than {self.max_body_bytes / 1e6:.0f} MB."
                await JSONResponse({"detail": message}, 413)(scope, receive, send)

    def protected(self, scope: Scope, send: Send) -> Send:
        """`send`, with the protective headers added and any permission for other origins taken out."""
        policy = DATA_POLICY if is_data(scope["path"]) else PAGE_POLICY

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name in [name for name in headers if name.lower().startswith("access-control-")]:
                    del headers[name]
                for name, value in HEADERS.items():
                    headers[name] = value
                headers["content-security-policy"] = policy
            await send(message)

        return with_headers


def is_data(path: str) -> bool:
    """Whether a path holds data rather than a page."""
    return path.startswith(DATA_PATHS)


def is_address(name: str) -> bool:
    """Whether a host is an IP address."""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def host_name(host: str) -> str:
    """The name in a Host header, without its port, lower case; "" if it is not a plain host."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port
        plain = parts.netloc == host and "@" not in host
        return (parts.hostname or "").lower() if plain else ""
    except ValueError:
        return ""
