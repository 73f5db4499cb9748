"""`launch.py user ...`: who may log in to a project, and as what."""

from __future__ import annotations

import getpass
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from charloc.types import CharlocError

if TYPE_CHECKING:  # the store takes a moment to import, and every command line imports this
    from db.team_records import Person, Role

users = typer.Typer(
    help="Let people log in to a project: owners, annotators, readers.", no_args_is_help=True, rich_markup_mode=None
)
Project = Annotated[Path, typer.Option("--project", "-p", help="The project's folder.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="What the person logs in with.")]
HERE_PROJECT = Path("project")


class RoleName(StrEnum):
    """What a person may do."""

    owner = "owner"
    annotator = "annotator"
    reader = "reader"


RoleOption = Annotated[
    RoleName,
    typer.Option(help="owner: everything; annotator: looks and corrects; reader: looks. The first has to be an owner."),
]


@users.command("add")
def add(name: Name, project: Project = HERE_PROJECT, role: RoleOption = RoleName.annotator) -> None:
    """Let a person log in; asks for a password (or reads it from stdin). From the first on, nobody gets in without."""
    from db import Store

    with Store.open(project) as store:
        first = not store.has_people()
        person = store.add_person(name, _role(role), ask_password(name))
    print(f"'{person.name}' can log in as {person.role}.")
    if first:
        print("From now on every page of this project asks for a name and a password.")


@users.command("list")
def list_users(project: Project = HERE_PROJECT) -> None:
    """Show who may log in, and as what."""
    from db import Store

    with Store.open(project) as store:
        people = store.people()
    width = max((len(each.name) for each in people), default=0)
    for each in people:
        print(f"{each.name:<{width}}  {each.role:<9}  since {each.created_at.astimezone():%Y-%m-%d}{_disabled(each)}")
    if not people:
        print("Nobody has to log in. Begin with yourself: launch.py user add NAME --role owner --project DIR")


@users.command("password")
def password(name: Name, project: Project = HERE_PROJECT) -> None:
    """Give a person another password, and log them out everywhere."""
    from db import Store

    with Store.open(project) as store:
        store.set_password(store.person(name).name, ask_password(name))
    print(f"'{name}' has a new password, and has to log in again.")


@users.command("role")
def role_of(
    name: Name,
    role: Annotated[RoleName, typer.Argument(metavar="ROLE", help="owner, annotator or reader.")],
    project: Project = HERE_PROJECT,
) -> None:
    """Let a person do more or less."""
    from db import Store

    with Store.open(project) as store:
        person = store.set_role(name, _role(role))
    print(f"'{person.name}' is {person.role} now.")


@users.command("disable")
def disable(name: Name, project: Project = HERE_PROJECT) -> None:
    """Let a person log in no more; everything they did stays."""
    from db import Store

    with Store.open(project) as store:
        person = store.disable_person(name)
        store.release(person.name)
    print(f"'{person.name}' cannot log in any more. `user enable` takes that back.")


@users.command("enable")
def enable(name: Name, project: Project = HERE_PROJECT) -> None:
    """Let a disabled person log in again."""
    from db import Store

    with Store.open(project) as store:
        person = store.disable_person(name, disabled=False)
    print(f"'{person.name}' can log in as {person.role} again.")


def ask_password(name: str) -> str:
    """A password: asked twice at a terminal, without showing it; else the first line of stdin.

    Raises:
        CharlocError: the two differ, or stdin has none.
    """
    if not sys.stdin.isatty():
        given = sys.stdin.readline().rstrip("\r\n")
        if not given:
            raise CharlocError("There is no password on stdin: give it as one line, or run this in a terminal.")
        return given
    given = getpass.getpass(f"Password of '{name}': ")
    if getpass.getpass("The same again: ") != given:
        raise CharlocError("The two passwords differ. Nothing was changed; try again.")
    return given


def _role(role: RoleName) -> Role:
    return role.value


def _disabled(person: Person) -> str:
    return f"  (disabled {person.disabled_at.astimezone():%Y-%m-%d})" if person.disabled_at else ""
