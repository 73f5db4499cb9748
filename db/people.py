"""The people of a project: who may log in, as what, and who is logged in."""

from __future__ import annotations

import hashlib
import secrets
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import get_args

from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update

from db.checks import storable_text
from db.engine import Database
from db.passwords import hashed, matches
from db.records import RecordError, UnknownItem
from db.team_records import Person, Role
from db.team_schema import PersonRow, SessionRow

PASSWORD_LEAST = 8
PASSWORD_MOST = 1000
NAME_MOST = 64
SESSION_DAYS = 14

_PERSON = (PersonRow.id, PersonRow.name, PersonRow.role, PersonRow.created_at, PersonRow.disabled_at)


class People(Database):
    """The part of the store that knows who works here. People are never removed: what they said keeps their name."""

    def add_person(self, name: str, role: Role, password: str) -> Person:
        """Let someone log in. The first has to be an owner: from then on nobody gets in without a login.

        Raises:
            RecordError: the name is taken (in any case of letters) or cannot be one, there is no such role, or the
                password is too short.
        """
        name = _checked_name(name)
        _check_role(role)
        kept = hashed(_checked_password(password))
        with self.write() as connection:
            taken = connection.execute(select(PersonRow.name)).scalars().all()
            if not taken and role != "owner":
                raise RecordError(f"The first person of a project has to be an owner, so '{name}' cannot be {role}.")
            if (other := _same_name(name, taken)) is not None:
                raise RecordError(f"There is already a person '{other}'. Choose another name.")
            values = {"name": name, "role": role, "password": kept, "created_at": _now()}
            connection.execute(insert(PersonRow).values(values))
            return _person(connection, name)

    def people(self) -> list[Person]:
        """Everybody, in the order in which they were added."""
        with self.read() as connection:
            rows = connection.execute(select(*_PERSON).order_by(PersonRow.id)).mappings()
            return [Person(**row) for row in rows]

    def person(self, name: str) -> Person:
        """One person.

        Raises:
            UnknownItem: there is no such person.
        """
        with self.read() as connection:
            return _person(connection, name)

    def has_people(self) -> bool:
        """Whether one has to log in; stays so for good once it is, since people are never removed."""
        with self.read() as connection:
            return connection.execute(select(PersonRow.id).limit(1)).first() is not None

    def set_password(self, name: str, password: str) -> None:
        """Give a person another password; logs them out everywhere.

        Raises:
            UnknownItem: there is no such person.
            RecordError: the password is too short.
        """
        kept = hashed(_checked_password(password))
        with self.write() as connection:
            person = _person(connection, name)
            connection.execute(update(PersonRow).where(PersonRow.id == person.id).values(password=kept))
            connection.execute(delete(SessionRow).where(SessionRow.person_id == person.id))

    def set_role(self, name: str, role: Role) -> Person:
        """Let a person do more or less; holds from their next click on.

        Raises:
            UnknownItem: there is no such person.
            RecordError: there is no such role, or nobody would be an owner any more.
        """
        _check_role(role)
        with self.write() as connection:
            person = _person(connection, name)
            if role != "owner":
                _keep_an_owner(connection, person)
            connection.execute(update(PersonRow).where(PersonRow.id == person.id).values(role=role))
            return _person(connection, name)

    def disable_person(self, name: str, *, disabled: bool = True) -> Person:
        """Let a person log in no more, or again; what they said stays. Logs them out everywhere.

        Raises:
            UnknownItem: there is no such person.
            RecordError: nobody would be an owner any more.
        """
        with self.write() as connection:
            person = _person(connection, name)
            if disabled:
                _keep_an_owner(connection, person)
            since = person.disabled_at or _now() if disabled else None
            connection.execute(update(PersonRow).where(PersonRow.id == person.id).values(disabled_at=since))
            connection.execute(delete(SessionRow).where(SessionRow.person_id == person.id))
            return _person(connection, name)

    def check_password(self, name: str, password: str) -> Person | None:
        """The person, if that is their password and they may log in. Takes as long if there is nobody of that name."""
        with self.read() as connection:
            everybody = connection.execute(select(PersonRow.name)).scalars().all()
            found = _same_name(unicodedata.normalize("NFC", name.strip()), everybody)
            query = select(*_PERSON, PersonRow.password).where(PersonRow.name == found)
            row = connection.execute(query).mappings().first()
        right = matches(password[: PASSWORD_MOST + 1], row["password"] if row else _nobodys_password())
        if row is None or not right or row["disabled_at"] is not None:
            return None
        return Person(**{name: value for name, value in row.items() if name != "password"})

    # --- sessions ---

    def open_session(self, person_id: int, days: float = SESSION_DAYS) -> str:
        """Log a person in; returns the token that a browser shows from then on. Only its hash is kept."""
        token = secrets.token_urlsafe(32)
        now = _now()
        values = {"token_sha": _sha(token), "person_id": person_id, "created_at": now}
        with self.write() as connection:
            connection.execute(delete(SessionRow).where(SessionRow.expires_at <= now))
            connection.execute(insert(SessionRow).values(values | {"expires_at": now + timedelta(days=days)}))
        return token

    def session_person(self, token: str) -> Person | None:
        """Who shows this token; None if it is none, has run out or was given back, or the person is disabled."""
        query = (
            select(*_PERSON)
            .join(SessionRow, SessionRow.person_id == PersonRow.id)
            .where(SessionRow.token_sha == _sha(token), SessionRow.expires_at > _now(), PersonRow.disabled_at.is_(None))
        )
        with self.read() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else Person(**row)

    def close_session(self, token: str, *, everywhere: bool = False) -> None:
        """Log out: this browser, or every one in which the same person is logged in."""
        mine = SessionRow.token_sha == _sha(token)
        owner = select(SessionRow.person_id).where(mine).scalar_subquery()
        with self.write() as connection:
            connection.execute(delete(SessionRow).where(SessionRow.person_id == owner if everywhere else mine))


def _person(connection: Connection, name: str) -> Person:
    row: RowMapping | None = connection.execute(select(*_PERSON).where(PersonRow.name == name)).mappings().first()
    if row is None:
        known = ", ".join(connection.execute(select(PersonRow.name).order_by(PersonRow.id)).scalars())
        raise UnknownItem(f"There is no person '{name}'. There are: {known or 'none yet'}.")
    return Person(**row)


def _keep_an_owner(connection: Connection, person: Person) -> None:
    others = select(func.count(PersonRow.id)).where(
        PersonRow.role == "owner", PersonRow.disabled_at.is_(None), PersonRow.id != person.id
    )
    if not connection.execute(others).scalar_one():
        raise RecordError(f"'{person.name}' is the only owner. Make somebody else an owner first.")


def _checked_name(name: str) -> str:
    name = unicodedata.normalize("NFC", storable_text(name, "The name").strip())
    odd = [character for character in name if unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp")]
    if not name or len(name) > NAME_MOST or odd:
        raise RecordError(f"A name has 1 to {NAME_MOST} characters, none of them invisible; not {name!r:.80}.")
    return name


def _checked_password(password: str) -> str:
    if not PASSWORD_LEAST <= len(password) <= PASSWORD_MOST:
        raise RecordError(f"A password has at least {PASSWORD_LEAST} characters (and at most {PASSWORD_MOST}).")
    return password


def _check_role(role: str) -> None:
    if role not in get_args(Role):
        raise RecordError(f"There is no role '{role}'. Choose one of: {', '.join(reversed(get_args(Role)))}.")


def _same_name(name: str, names: Iterable[str]) -> str | None:
    """The one of `names` that reads like `name`: capitals and look-alike forms make no other person."""
    return next((each for each in names if _folded(each) == _folded(name)), None)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


@cache
def _nobodys_password() -> str:
    return hashed(secrets.token_hex())


def _sha(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _now() -> datetime:
    return datetime.now(UTC)
