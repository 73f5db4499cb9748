#!/usr/bin/env python3
"""charloc's command line: puts the store, the library and the application together.

    launch.py import SRC --project DIR      images + transcripts into a project
    launch.py train --project DIR           first proposals, then a round of EM
    launch.py annotate --project DIR        correct in the browser (what happens without a command)
    launch.py review suspicious --project DIR --json    what is probably wrong, worst first
    launch.py report --project DIR --out FILE    how good the data set is, on one page
    launch.py export --project DIR --format jsonl --out FILE
    launch.py user add NAME --project DIR   let people log in
    launch.py pretrain --out DIR            teach a net other letters than the ones that ship

What takes long to import is imported by the command that needs it, so that the others start at once.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
import tempfile
import traceback
from enum import StrEnum
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from annotator.priority import come_last
from annotator.review_commands import report, review
from annotator.user_commands import users
from charloc.methods import DEFAULT, METHODS
from charloc.types import CharlocError

HERE = Path(__file__).resolve().parent
DEMO = Path("demo-project")
FIRST_PORT = 7860
INTERRUPTED = 130
LONG_BENCHES = ("methods", "disagreement", "calibration", "effort", "cursive", "suspicious", "margins")
"""They take many minutes to hours, or want something named: `bench all` leaves them out."""


class Format(StrEnum):
    """What `export` writes."""

    jsonl = "jsonl"
    box = "box"


class Init(StrEnum):
    """What `train` starts from where nothing has been learned."""

    guess = "guess"
    flat = "flat"
    pretrained = "pretrained"


class Commands(TyperGroup):
    """The commands; Ctrl-C ends each with a message and status 130."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            print("\nStopped. What was finished is kept; run the same command to go on.", file=sys.stderr)
            raise typer.Exit(INTERRUPTED) from stop


app = typer.Typer(
    cls=Commands,
    help="From word images and transcripts to character boxes: guess, learn, correct, export.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(users, name="user")
app.add_typer(review, name="review")
app.command()(report)
Project = Annotated[Path, typer.Option("--project", "-p", help="The project's folder.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bars, no summary; errors only.")]
HERE_PROJECT = Path("project")


@app.command("import")
def import_words(
    source: Annotated[
        Path, typer.Argument(metavar="SRC", exists=True, help="A folder of images with .gt.txt, or a words.jsonl.")
    ],
    project: Project = HERE_PROJECT,
    quiet: Quiet = False,
) -> None:
    """Add words to a project; make the project if there is none. Only what is new goes in."""
    from annotator.importer import import_path
    from annotator.terminal import bars, show_import
    from db import Store

    with Store.open(project, create=True) as store, bars("import", quiet=quiet) as progress:
        report = import_path(store, source, progress)
    show_import(report, project, quiet=quiet)


@app.command()
def guess(project: Project = HERE_PROJECT, quiet: Quiet = False) -> None:
    """Make the first segmentation, from the ink alone."""
    _rounds(project, "guess", 1, quiet=quiet)


@app.command()
def train(
    project: Project = HERE_PROJECT,
    rounds: Annotated[int, typer.Option(min=1, help="How many rounds to run, one after the other.")] = 1,
    method: Annotated[str, typer.Option(help=f"One of: {', '.join(METHODS)}.")] = DEFAULT,
    init: Annotated[
        Init,
        typer.Option(
            help="Begin from the ink's guess; flat, from an even split that nobody believes; or with a net that knows "
            "letters from rendered words (where it does not, from the guess)."
        ),
    ] = Init.pretrained,
    start: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Begin with this checkpoint, of pretrain or of a round."),
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting of the method; may be repeated.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Learn from what people see, not on earlier rounds.")] = False,
    restart: Annotated[bool, typer.Option("--restart", help="Do not go on where a stopped round was.")] = False,
    quiet: Quiet = False,
    background: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Run rounds of EM. Ctrl-C stops; the next `train` goes on from what was learned."""
    settings = _settings(set_ or [])
    if background:
        come_last()
    begin = {"init": init.value, "start": start}
    _rounds(project, method, rounds, quiet=quiet, fresh=fresh, resume=not restart, **begin, settings=settings)


@app.command()
def pretrain(
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder to write; train --start DIR begins with it.")],
    alphabet: Annotated[
        str, typer.Option(metavar="TEXT", help="The letters, or a file with text in them; otherwise Latin ones.")
    ] = "",
    project: Annotated[Path | None, typer.Option("--project", "-p", help="A project whose letters to learn.")] = None,
    fonts: Annotated[
        list[Path] | None,
        typer.Option(metavar="FOLDER", help="Where fonts are; may be repeated. Otherwise, those of this machine."),
    ] = None,
    words: Annotated[int, typer.Option(min=1, help="How many words to render.")] = 16_000,
    steps: Annotated[int, typer.Option(min=1, help="How many batches of words to learn from.")] = 6_000,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
    start: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A checkpoint of pretrain: learn only what it lacks.")
    ] = None,
    more: Annotated[Literal["letters", "ink"] | None, typer.Option(help="With --start: learn that on, too.")] = None,
    kept: Annotated[
        float, typer.Option(min=0, max=1, help="With --more letters: how much of the start's weights stays.")
    ] = 0.0,
    batch: Annotated[int | None, typer.Option(min=1, help="Words in a batch; otherwise 32.")] = None,
    device: Annotated[str, typer.Option(help="Where nets learn, as torch names it: cuda is much faster.")] = "cpu",
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes; otherwise one for each processor, up to 16.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Teach a net letters from rendered words, to begin with. Takes most of an hour; nobody draws a box."""
    from annotator.terminal import bars
    from charloc.pretrained import making
    from charloc.pretraining import Effort

    if more and not start:
        raise CharlocError("--more learns on from a checkpoint. Name its folder too: --start DIR")
    if kept and more != "letters":
        raise CharlocError("--kept says how much of a start stays where letters are learned on: add --more letters.")
    making.check_free(out)
    what = making.plan(_letters(alphabet, project), fonts or [])
    if not quiet:
        print(f"{len(what.alphabet)} characters in {len(what.faces)} fonts: {', '.join(f.name for f in what.faces)}")
        if what.lacking:
            print(f"No font has these: {' '.join(what.lacking)}", file=sys.stderr)
    asked = [("--out", out), *(("--fonts", each) for each in fonts or []), ("--words", words), ("--steps", steps)]
    asked += [("--alphabet", alphabet)] if alphabet else []
    asked += [("--project", project)] if project else []
    asked += [("--start", start)] if start else []
    asked += [("--batch", batch)] if batch else []
    asked += [("--device", device)] if device != "cpu" else []
    asked += [("--more", more)] if more else []
    asked += [("--kept", kept)] if kept else []
    parts = [str(part) for pair in [*asked, ("--seed", seed)] for part in pair]
    command = shlex.join(["launch.py", "pretrain", *parts])
    try:
        with bars("pretrain", quiet=quiet) as progress:
            effort = Effort(steps, seed, batch, device, workers or min(os.cpu_count() or 1, 16), kept)
            making.make(out, what, effort, words=words, command=command, start=start, more=more, progress=progress)
    except KeyboardInterrupt as stop:
        print("\nStopped. Nothing was written.", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from stop
    if not quiet:
        print(f"Written to {out}. Begin with it: launch.py train --start {out} --project DIR")


@app.command()
def annotate(
    project: Annotated[Path | None, typer.Option("--project", "-p", help="The project's folder.")] = None,
    demo: Annotated[bool, typer.Option("--demo", help=f"A demo project, made in {DEMO}/ on first use.")] = False,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help=f"Port; otherwise the first that is free from {FIRST_PORT} on.")
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open a browser window.")] = True,
) -> None:
    """Serve the pages on which people correct boxes and train rounds."""
    from db import Store

    folder = project or (DEMO if demo else HERE_PROJECT)
    if demo:
        from annotator.demo import demo_project

        demo_project(folder)
    with Store.open(folder) as store:
        from annotator.security import LOCAL_HOSTS
        from annotator.serve import open_browser, serve

        def ready(address: str) -> None:
            print(f"charloc is ready: {address}")
            print(f"Project: {folder}. Ctrl-C stops it; every correction is kept.", flush=True)
            if host not in LOCAL_HOSTS and not store.has_people():
                print(f"Whoever reaches {host} can change it: launch.py user add lets only those in whom you name.")
            if browser:
                open_browser(address)

        serve(store, folder, host, port, FIRST_PORT, ready)


@app.command(hidden=True)
def realign(project: Project = HERE_PROJECT) -> None:
    """Re-align words as the server asks on standard input, until that ends."""
    from annotator.aligning import main as answer

    answer(project)


@app.command()
def export(
    out: Annotated[Path, typer.Option(help="The file to write; for box a file.box or a new folder.")],
    project: Project = HERE_PROJECT,
    format: Annotated[Format, typer.Option(help="JSON lines, or Tesseract's box files.")] = Format.jsonl,
    quiet: Quiet = False,
) -> None:
    """Write the boxes of the round people see, corrections applied."""
    from annotator.exporter import export as write
    from annotator.terminal import show_export
    from db import Store

    with Store.open(project) as store:
        report = write(store, format.value, out)
    if not quiet:
        show_export(report, out)


@app.command()
def status(project: Project = HERE_PROJECT) -> None:
    """Show how far a project is: words, corrections, rounds."""
    from annotator.terminal import show_status
    from db import Store

    with Store.open(project) as store:
        show_status(store)


@app.command()
def version() -> None:
    """Print the version."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        print(f"charloc {installed('charloc')}")
    except PackageNotFoundError:
        print("charloc, not installed (run from its folder)")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def bench(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(help=f"A benchmark in tests/bench, or all but {' and '.join(LONG_BENCHES)}: 'all'.")
    ] = "",
) -> None:
    """Run a benchmark; what stands after its name goes to it. 'all' leaves long ones out."""
    there = {path.stem: path for path in sorted((HERE / "tests" / "bench").glob("[!_]*.py"))}
    if name != "all" and name not in there:
        raise CharlocError(f"There is no benchmark '{name}'. Choose one of: all, {', '.join(there) or '(none here)'}.")
    short = [path for stem, path in there.items() if stem not in LONG_BENCHES]
    for path in short if name == "all" else [there[name]]:
        spec = spec_from_file_location(f"bench_{path.stem}", path)
        assert spec is not None and spec.loader is not None
        module = module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        if hasattr(module, "main"):
            module.main(context.args)


def _rounds(project: Path, method: str, count: int, *, quiet: bool, fresh: bool = False, **options: Any) -> None:
    from annotator.rounds import run_round
    from annotator.terminal import bars, round_line
    from db import Store

    with Store.open(project) as store:
        for done in range(count):
            # After a flat start there is nothing to go on from but what that learned.
            anew = fresh and (done == 0 or options.get("init") != "flat")
            with bars(method, quiet=quiet) as progress:
                finished = run_round(store, project, method, progress, fresh=anew, **options)
            if not quiet:
                print(round_line(finished), flush=True)


def _letters(alphabet: str, project: Path | None) -> set[str]:
    """The letters asked for: of a text, of a project, of both."""
    from charloc.pretrained.making import letters
    from db import Store

    found = letters(alphabet)
    if project is not None:
        with Store.open(project) as store:
            found |= {character for word in store.words(store.word_ids()) for character in word.characters}
    return found


def _settings(pairs: list[str]) -> dict[str, object]:
    settings: dict[str, object] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.isidentifier():
            raise CharlocError(f"--set {pair}: expected KEY=VALUE, such as --set temper=0.1.")
        try:
            settings[key] = json.loads(value)
        except ValueError:
            settings[key] = value
    return settings


def _details() -> str:
    with tempfile.NamedTemporaryFile("w", prefix="charloc-error-", suffix=".txt", delete=False) as file:
        traceback.print_exc(file=file)
    return file.name


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return the exit status: 0, 1 (an error, said in one message), 2 (usage), 130 (stopped)."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments or (arguments[0].startswith("-") and arguments[0] not in ("--help", "-h")):
        arguments = ["annotate", *arguments]
    try:
        app(arguments)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except CharlocError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except Exception as error:  # noqa: BLE001 - the last line before a traceback
        if "--background" in arguments:  # into the log
            traceback.print_exc()
        print(f"Error: {error!r}, which was not expected. Nothing stored is lost.", file=sys.stderr)
        print(f"Please report it with the details in {_details()}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    # Asked to end, a round is put down as carefully as with Ctrl-C.
    signal.signal(signal.SIGTERM, _interrupt)
    sys.exit(main())
