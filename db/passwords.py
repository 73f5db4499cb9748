"""Passwords, kept as salted hashes only.

Source: scrypt (C. Percival, 2009; RFC 7914) as the standard library has it; the cost is one of those that OWASP's
Password Storage Cheat Sheet names as equal, the one with the least memory.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

COST = {"n": 2**14, "r": 8, "p": 5}
SALT_BYTES = 16
_MEMORY_BYTES = 64 * 1024 * 1024


def hashed(password: str) -> str:
    """The password as it is kept: "scrypt$n$r$p$salt$hash", so that a later cost leaves older passwords in use.

    >>> matches("rosebud!", hashed("rosebud!"))
    True
    """
    salt = secrets.token_bytes(SALT_BYTES)
    cost = "$".join(str(COST[name]) for name in ("n", "r", "p"))
    return f"scrypt${cost}${salt.hex()}${_scrypt(password, salt, **COST).hex()}"


def matches(password: str, kept: str) -> bool:
    """Whether `password` is the one that `hashed` made `kept` of; takes as long for a wrong one as for the right."""
    _, n, r, p, salt, expected = kept.split("$")
    found = _scrypt(password, bytes.fromhex(salt), n=int(n), r=int(r), p=int(p))
    return hmac.compare_digest(found, bytes.fromhex(expected))


def _scrypt(password: str, salt: bytes, *, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password.encode("utf-8", "surrogatepass"), salt=salt, n=n, r=r, p=p, maxmem=_MEMORY_BYTES)
