"""Who may log in: names, roles, passwords, sessions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import select

from db import RecordError, Store, UnknownItem, passwords
from db.team_schema import PersonRow, SessionRow
from tests.team import PASSWORD, cheap_passwords


@pytest.fixture(autouse=True)
def cheap() -> Iterator[None]:
    with cheap_passwords():
        yield


def test_a_password_is_kept_as_a_salted_hash_with_its_cost() -> None:
    one, other = passwords.hashed("grün & süß"), passwords.hashed("grün & süß")
    assert one != other and "grün" not in one
    assert one.startswith("scrypt$2$8$1$")
    assert passwords.matches("grün & süß", one) and passwords.matches("grün & süß", other)
    for wrong in ("", "grün & süß ", "GRÜN & SÜSS", "\ud800"):
        assert not passwords.matches(wrong, one)


def test_an_older_cost_stays_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = passwords.hashed(PASSWORD)
    monkeypatch.setitem(passwords.COST, "n", 4)
    assert passwords.matches(PASSWORD, kept)
    assert passwords.hashed(PASSWORD).startswith("scrypt$4$")


def test_the_first_person_is_an_owner(store: Store) -> None:
    assert not store.has_people()
    with pytest.raises(RecordError, match="has to be an owner"):
        store.add_person("Ben", "annotator", PASSWORD)
    assert not store.has_people()
    store.add_person("Ada", "owner", PASSWORD)
    store.add_person("Ben", "annotator", PASSWORD)
    assert store.has_people()
    assert [(each.name, each.role) for each in store.people()] == [("Ada", "owner"), ("Ben", "annotator")]


@pytest.mark.parametrize("name", ["ada", " Ada ", "ＡＤＡ", "Ada\u200b", "", " ", "x" * 65, "a\nb", "a\0b"])
def test_names_that_cannot_be_told_apart_or_read_are_refused(store: Store, name: str) -> None:
    store.add_person("Ada", "owner", PASSWORD)
    with pytest.raises(RecordError):
        store.add_person(name, "reader", PASSWORD)
    assert len(store.people()) == 1


def test_roles_and_passwords_are_checked(store: Store) -> None:
    with pytest.raises(RecordError, match="no role 'god'"):
        store.add_person("Ada", "god", PASSWORD)  # type: ignore[arg-type]
    with pytest.raises(RecordError, match="at least 8"):
        store.add_person("Ada", "owner", "short")
    with pytest.raises(UnknownItem, match="none yet"):
        store.set_password("Ada", PASSWORD)


def test_there_is_always_an_owner(store: Store) -> None:
    store.add_person("Ada", "owner", PASSWORD)
    store.add_person("Ben", "annotator", PASSWORD)
    for change in (lambda: store.set_role("Ada", "reader"), lambda: store.disable_person("Ada")):
        with pytest.raises(RecordError, match="only owner"):
            change()
    store.set_role("Ben", "owner")
    assert store.set_role("Ada", "reader").role == "reader"
    with pytest.raises(RecordError, match="only owner"):
        store.disable_person("Ben")


def test_only_the_right_password_of_an_enabled_person_lets_in(store: Store) -> None:
    store.add_person("Ada", "owner", PASSWORD)
    ben = store.add_person("Ben", "annotator", PASSWORD)
    assert store.check_password("ben ", PASSWORD) == ben
    for name, password in (("Ben", "wrong horse"), ("Bob", PASSWORD), ("", ""), ("Ben", PASSWORD + "x" * 2000)):
        assert store.check_password(name, password) is None
    store.disable_person("Ben")
    assert store.check_password("Ben", PASSWORD) is None
    store.disable_person("Ben", disabled=False)
    assert store.check_password("Ben", PASSWORD) == ben


def test_a_session_holds_until_it_runs_out_or_is_given_back(store: Store) -> None:
    ada = store.add_person("Ada", "owner", PASSWORD)
    one, other, old = store.open_session(ada.id), store.open_session(ada.id), store.open_session(ada.id, days=-1)
    assert store.session_person(one) == store.session_person(other) == ada
    assert store.session_person(old) is None and store.session_person("") is None
    store.close_session(one)
    assert store.session_person(one) is None and store.session_person(other) == ada
    third = store.open_session(ada.id)
    store.close_session(third, everywhere=True)
    assert store.session_person(other) is None


def test_a_token_cannot_be_read_from_the_database(store: Store) -> None:
    ada = store.add_person("Ada", "owner", PASSWORD)
    token = store.open_session(ada.id)
    with store.read() as connection:
        (kept,) = connection.execute(select(SessionRow.token_sha)).scalars()
        (password,) = connection.execute(select(PersonRow.password)).scalars()
    assert token not in kept and PASSWORD not in password
    assert store.session_person(kept) is None


def test_what_changes_a_login_ends_its_sessions(store: Store) -> None:
    store.add_person("Ada", "owner", PASSWORD)
    ben = store.add_person("Ben", "annotator", PASSWORD)
    token = store.open_session(ben.id)
    assert (found := store.session_person(token)) and found.role == "annotator"
    store.set_role("Ben", "reader")
    assert (found := store.session_person(token)) and found.role == "reader", "a role holds from the next click on"
    store.set_password("Ben", "another horse")
    assert store.session_person(token) is None
    token = store.open_session(ben.id)
    store.disable_person("Ben")
    assert store.session_person(token) is None


def test_settings(store: Store) -> None:
    assert store.setting("double_share", 0.1) == 0.1
    for value in (0.25, {"a": [1, None]}, "text", False):
        store.set_setting("double_share", value)
        assert store.setting("double_share") == value
    store.set_setting("double_share", None)
    assert store.setting("double_share", 7) == 7
    with pytest.raises(RecordError):
        store.set_setting("double_share", float("nan"))
