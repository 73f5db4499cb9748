"""Who may do what: the one table of routes and the least role that each needs.

A test walks every route of the application and fails for one that is not here. What is not here all the same is for
owners only; but what gradio alone answers may be read by everybody who is logged in.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Literal, get_args

from db.team_records import Role

Least = Literal["anyone"] | Role
"""What a request needs: nothing, not even a login; or a role at least."""

READS = frozenset({"GET", "HEAD"})

POLICY: tuple[tuple[str, str, Least], ...] = (
    # method, path ("{}": one segment of any content; "/*": everything below), least role; the first that fits counts.
    ("GET", "/login", "anyone"),
    ("POST", "/login", "anyone"),
    ("POST", "/logout", "anyone"),
    ("GET", "/static/charloc/{}/{}", "anyone"),
    # Looking.
    ("GET", "/api/status", "reader"),
    ("GET", "/api/queue", "reader"),
    ("GET", "/api/queue/about", "reader"),
    ("GET", "/api/queue/choices", "reader"),
    ("GET", "/api/glyphs", "reader"),
    ("GET", "/api/glyphs/atlas/{}", "reader"),
    ("GET", "/api/list", "reader"),
    ("GET", "/api/tags", "reader"),
    ("GET", "/api/words", "reader"),
    ("GET", "/api/words/{}", "reader"),
    ("GET", "/api/rounds", "reader"),
    ("GET", "/api/rounds/compare", "reader"),
    ("GET", "/api/rounds/{}/contradictions", "reader"),
    ("GET", "/api/progress", "reader"),
    ("GET", "/api/suspicions", "reader"),
    ("GET", "/api/words/{}/history", "reader"),
    ("GET", "/api/audits", "reader"),
    ("GET", "/api/audits/current/pending", "annotator"),
    ("GET", "/api/audits/current/next", "annotator"),
    ("GET", "/api/audits/current/words", "annotator"),
    ("GET", "/images/{}", "reader"),
    # Correcting.
    ("POST", "/api/corrections", "annotator"),
    ("POST", "/api/words/{}/realign", "reader"),
    ("POST", "/api/realign/warm", "reader"),
    ("POST", "/api/leases/renew", "annotator"),
    ("POST", "/api/suspicions/{}/accept", "annotator"),
    ("POST", "/api/suspicions/{}/right", "annotator"),
    ("POST", "/api/suspicions/run", "owner"),
    ("POST", "/api/suspicions/stop", "owner"),
    ("POST", "/api/tags", "annotator"),
    ("POST", "/api/glyphs/accept", "annotator"),
    ("POST", "/api/glyphs/flag", "annotator"),
    ("POST", "/api/audits/answers", "annotator"),
    # Auditing.
    ("POST", "/api/audits", "owner"),
    ("POST", "/api/audits/current/extend", "owner"),
    # Training.
    ("POST", "/api/rounds", "owner"),
    ("POST", "/api/rounds/current/cancel", "owner"),
    ("POST", "/api/rounds/current/pause", "owner"),
    ("POST", "/api/rounds/held-back", "owner"),
    ("POST", "/api/rounds/{}/go-back", "owner"),
    # Working together.
    ("GET", "/api/people", "owner"),
    ("GET", "/api/people/disagreements", "owner"),
    ("POST", "/api/people/settings", "owner"),
    ("POST", "/api/people/checks", "owner"),
    ("POST", "/api/people/checks/remove", "owner"),
    ("GET", "/api/people/{}/revert", "owner"),
    ("POST", "/api/people/{}/revert", "owner"),
    ("POST", "/api/words/{}/overrule", "owner"),
    # The frame of the pages; nothing of ours runs behind it.
    ("GET", "/", "reader"),
    ("GET", "/gradio_api/*", "reader"),
    ("*", "/gradio_api/*", "owner"),
)


def least(method: str, path: str) -> Least:
    """The least role that a request needs.

    >>> least("POST", "/api/corrections"), least("GET", "/api/unheard-of"), least("GET", "/theme.css")
    ('annotator', 'owner', 'reader')
    """
    found = rule(method, path)
    if found is not None:
        return found
    # The router takes "/api/people\n" for "/api/people": below /api/ nothing is read that is not in the table as asked.
    return "reader" if method in READS and not path.startswith("/api/") else "owner"


def rule(method: str, path: str) -> Least | None:
    """What the table says of a request; None if it says nothing."""
    reads = "GET" if method in READS else method
    for methods, template, role in POLICY:
        if methods in ("*", reads) and _pattern(template).fullmatch(path):
            return role
    return None


def may(role: Role, needed: Least) -> bool:
    """Whether a role is enough."""
    ranks = get_args(Role)
    return needed == "anyone" or ranks.index(role) >= ranks.index(needed)


@cache
def _pattern(template: str) -> re.Pattern[str]:
    below = template.endswith("/*")
    parts = [re.escape(part) for part in template.removesuffix("/*").split("{}")]
    return re.compile("[^/]+".join(parts) + ("/.*" if below else ""), re.DOTALL)
