"""Rounds of EM on a project: joins the store and the library.

    freeze the corrections -> M-step -> keep what was learned -> E-step -> checkpoint -> one transaction

`run_round` works in this process; `start_round` has another, niced one do it, which outlives the one that asked.
Whatever happens meanwhile, readers of the store see the previous round or the complete new one.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from annotator.background import start_beside
from annotator.disagreements import disagreements
from annotator.heldback import held_back, share_in_force, unlearned
from annotator.lines import line_of, newest_of
from annotator.oddities import look_for_oddities
from annotator.prequential import compare, prequential
from annotator.reporter import Reporter, RoundCancelled
from annotator.starts import FRESH, INIT, START, Start
from annotator.turns import prepare
from annotator.words import StoreWords
from charloc import checkpoint as on_disk
from charloc import em, pretrained
from charloc.methods import METHODS, Checkpoint, Progress, check_settings, silent
from charloc.supervision import supervise
from charloc.types import CharlocError, CheckpointError, Localization, Pins
from charloc.uncertainty import word_uncertainty
from db import Correction, EndState, Round, RoundStats, Store, StoreError


def run_round(
    store: Store,
    project: Path,
    method: str,
    progress: Progress = silent,
    *,
    resume: bool = True,
    fresh: bool = False,
    init: str = "pretrained",
    start: Path | None = None,
    settings: Mapping[str, object] | None = None,
) -> Round:
    """Run one round with `method`, in this process, and store it.

    A method that learns goes on from what the newest round of its own, or of its kin, learned in the line of the round
    people see, and learns from that one's boxes; if there is no round yet, that of the method that `init` names is made
    first, as round 0. What a stopped attempt had learned from the same round, corrections, words and settings is used
    again.

    Args:
        store: the project's store.
        project: the project's folder; what is learned goes to `checkpoints/` in it.
        method: a key of `charloc.methods.METHODS`.
        progress: called with (phase, done, total); may raise to stop the round.
        resume: use what a stopped attempt had learned.
        fresh: learn from nothing but the boxes people see and, where init says so, what was pretrained; not from an
            earlier round's checkpoint. The round's settings keep it.
        init: a key of `INITS`. "pretrained": where nothing has been learned yet, begin with what was learned from
            rendered words, if it knows the alphabet; else with the guess, as "guess" does. "flat": a method that learns
            does so from an even split of each word's ink between what people pinned, whatever boxes earlier rounds
            proposed; rounds after it go on from what that learned. The round's settings keep it.
        start: folder of a checkpoint to begin with instead of the one that ships.
        settings: passed to the method.

    Returns:
        The finished round.

    Raises:
        RoundBusy: another process is running one.
        RoundCancelled: it was cancelled; nothing of it is kept.
        KeyboardInterrupt: it was stopped, or paused (`RoundPaused`); what it had learned is kept for the next attempt.
        CharlocError: no such method, setting or init, no words, a damaged checkpoint, or one that did not start so
            where init is flat, or a start is named, and fresh is not asked for.
    """
    settings = dict(settings or {})
    check_settings(method, settings)
    begin = Start(init, str(start.resolve()) if start else "", fresh)
    if store.word_count() == 0:
        raise CharlocError("The project has no words yet. Import some first: launch.py import SRC --project DIR")
    if METHODS[method].learns:
        if start is not None:
            on_disk.read(start, method, METHODS[method].kin)  # damaged, or another method's: said at once
        check_start(store, method, begin)
        if init != "flat" and store.seen_round() is None:
            _attempt(store, project, begin.first, progress, resume=resume, settings=begin.first_settings)
        settings |= begin.settings
    else:
        settings |= begin.named
        check_settings(method, settings)
    return _attempt(store, project, method, progress, resume=resume, settings=settings)


def start_round(
    project: Path, method: str, settings: Mapping[str, object] = MappingProxyType({})
) -> subprocess.Popen[bytes]:
    """Have a round run in a niced process (`annotator.priority`) of its own session; its output goes to `rounds.log`.

    Args:
        project: the project's folder.
        method: a key of `charloc.methods.METHODS`.
        settings: as a round keeps them, what it starts from included: with those of an interrupted round, that one is
            gone on with.

    Returns:
        The process. It goes on when this one ends; how far it is stands in the store.
    """
    command = ["train", "--project", str(project), "--rounds", "1", "--method", method, *_as_options(settings)]
    return start_beside(project, method, command)


def _as_options(settings: Mapping[str, object]) -> list[str]:
    """The options of `train` that make a round with these settings."""
    of_method = dict(settings)
    begin = [f"--{key}={of_method.pop(key)}" for key in (INIT, START) if key in of_method]
    fresh = ["--fresh"] if of_method.pop(FRESH, False) else []
    return [*(f"--set={key}={json.dumps(value)}" for key, value in of_method.items()), *begin, *fresh]


def check_start(store: Store, method: str, begin: Start) -> None:
    """Refuse a start that a method which learns would not make: it would go on from what it learned before.

    Raises:
        CharlocError: what it would go on from, and what to ask for instead.
    """
    newest = newest_of(line_of(store, store.seen_round()), method)
    if newest is not None and newest.checkpoint:
        begin.refuse_to_go_on(newest, method)


def cancel_round(store: Store) -> bool:
    """Ask the running round to stop, or give up the interrupted one; return whether there was one."""
    unfinished = store.unfinished_round()
    if unfinished is None:
        return False
    if unfinished.state == "running":
        store.request_cancel(unfinished.id)
    else:
        store.end_round(unfinished.id, "cancelled", "given up")
    return True


def pause_round(store: Store) -> bool:
    """Ask the running round to stop so that it can be gone on with; return whether there is one."""
    running = store.unfinished_round()
    if running is None or running.state != "running":
        return False
    store.request_pause(running.id)
    return True


def _attempt(
    store: Store,
    project: Path,
    method: str,
    progress: Progress,
    *,
    resume: bool,
    settings: Mapping[str, object],
) -> Round:
    """Claim a round, work on it, and leave it in one of its end states whatever happens."""
    this = _claim(store, method, settings)
    report = Reporter(store, this.id, progress)
    kept = project / "checkpoints" / f"round_{this.number}.learned"
    if not resume:
        shutil.rmtree(kept, ignore_errors=True)
    try:
        with report:
            result = _work(store, project, this, kept, report)
        shutil.rmtree(kept, ignore_errors=True)
    except RoundCancelled:
        shutil.rmtree(kept, ignore_errors=True)
        _end(store, this, "cancelled", "cancelled")
        raise
    except (KeyboardInterrupt, SystemExit):
        _end(store, this, "interrupted", "stopped; train again to go on")
        raise
    except Exception as error:
        _end(store, this, "failed", str(error) if isinstance(error, CharlocError) else f"unexpected: {error!r}")
        raise
    # It can be seen already: what helps to look through it may take its time.
    prepare(store, result)
    look_for_oddities(store, result)
    return result


def _claim(store: Store, method: str, settings: Mapping[str, object]) -> Round:
    """Take over the interrupted round, if a new one would be the same; else begin a new one, which gives it up."""
    parent = store.seen_round()
    parent_id = parent.id if parent else None
    stopped = store.unfinished_round()
    if (
        stopped is not None
        and stopped.state == "interrupted"
        and (stopped.method, stopped.parent_id, dict(stopped.settings)) == (method, parent_id, dict(settings))
        and _taught(store, stopped.corrections_upto) == _taught(store)
    ):
        return store.adopt_round(stopped.id, os.getpid())
    return store.begin_round(method, parent_id=parent_id, settings=settings, pid=os.getpid())


def _taught(store: Store, upto: int | None = None) -> dict[int, Correction]:
    """What people have said, up to a decision, that a round makes something of: not that they skipped a word."""
    corrections = store.corrections_in_force(upto=upto)
    return {id: each for id, each in corrections.items() if each.kind != "skip"}


def _end(store: Store, this: Round, state: EndState, message: str) -> None:
    # If it is finished, or another process took it over, that stays.
    with suppress(StoreError):
        store.end_round(this.id, state, message)


def _work(store: Store, project: Path, this: Round, kept: Path, report: Progress) -> Round:
    """The round itself, from the frozen corrections to the transaction that makes it visible."""
    started = time.perf_counter()
    ids = store.word_ids()
    corrections = store.corrections_in_force(upto=this.corrections_upto)
    words = StoreWords(store, ids, corrections)
    share = share_in_force(store, corrections)
    held = held_back(store, corrections, share)
    pins, weights = supervise(words, {id: each for id, each in corrections.items() if id not in held})
    parent = store.round(this.parent_id) if this.parent_id is not None else None
    line = line_of(store, parent)
    settings: dict[str, Any] = dict(this.settings)
    learns = METHODS[this.method].learns
    begin = Start.taken_from(settings) if learns else Start()
    current = _current(store, parent, words, pins, held, report, begin)

    believed, learned, learned_already = current, None, None
    made_from = {
        "parent": this.parent_id,
        "corrections_upto": this.corrections_upto,
        "words": len(ids),
        "settings": dict(this.settings),
        "held_back": share,
    }
    if learns:
        learned = None if begin.fresh else _newest_learned(project, line, this.method)
        learned_already = _kept(kept, this.method, made_from)
        if learned is None and begin.is_not(parent):
            believed = begin.guess(words, pins, report)
        if learned is None and begin.folder:
            learned = pretrained.fitting(on_disk.read(Path(begin.folder), this.method, METHODS[this.method].kin), words)
    result = em.run_round(
        this.method,
        words,
        believed,
        pins,
        weights,
        parent=learned,
        first=begin.first,
        learned_already=learned_already,
        on_learned=lambda what: on_disk.write(kept, this.method, what, made_from),
        unaided=True,
        progress=report,
        **settings,
    )

    # Before anything is written: until then it may be cancelled.
    apart = disagreements(store, this, ids, result.localizations, pins, report)
    name = None
    if result.checkpoint is not None:
        name = f"round_{this.number}"
        on_disk.write(project / "checkpoints" / name, this.method, result.checkpoint, made_from)
    proposed = dict(zip(ids, result.localizations, strict=True))
    judged = unlearned(store, line, held)
    stats = RoundStats(
        words=len(ids),
        seconds=time.perf_counter() - started,
        words_per_s=len(ids) / max(result.e_step_s, 1e-9),
        log_likelihood=result.log_likelihood,
        moved=sum(map(em.moved_characters, current, result.localizations)) if parent else 0,
        learned=result.learned,
        prequential=prequential(store, parent, this.corrections_upto) if parent else None,
        heldback=compare({id: corrections[id] for id in judged}, proposed),
        heldback_share=share,
    )
    proposals = [(id, each, word_uncertainty(each)) for id, each in proposed.items()]
    unaided = {ids[index]: each.boxes for index, each in result.unaided.items()}
    store.finish_round(this.id, proposals, stats, name, apart, unaided)
    return store.round(this.id)


def _current(
    store: Store,
    parent: Round | None,
    words: StoreWords,
    pins: Sequence[Pins],
    held: Collection[int],
    progress: Progress,
    begin: Start,
) -> list[Localization]:
    """Where characters are believed to be: the parent round's proposals; later words as it begins.

    Characters that were pinned since stand where they were pinned. What was pinned in words that are held back now is
    not believed: the parent says of those what it would have by itself. Without a parent nothing is believed yet: every
    box is missing.
    """
    if parent is None:
        return [_nowhere(len(record.characters)) for record in words.records]
    known = store.proposals(parent.id, words.ids) | store.unaided(parent.id, list(held))
    # Not those for another transcript: it may have been changed since this round began.
    known = {id: known[id] for id, each in zip(words.ids, words.records, strict=True)
             if id in known and len(known[id].boxes) == len(each.characters)}  # fmt: skip
    new = [index for index, id in enumerate(words.ids) if id not in known]
    guessed = begin.guess([words[index] for index in new], [pins[index] for index in new], progress) if new else []
    believed = {words.ids[index]: each for index, each in zip(new, guessed, strict=True)}
    return [_held(known.get(id) or believed[id], facts) for id, facts in zip(words.ids, pins, strict=True)]


def _nowhere(length: int) -> Localization:
    return Localization(np.full((length, 4), np.nan, np.float32), np.zeros(length, np.float32), 0.0, "none")


def _held(proposed: Localization, facts: Pins) -> Localization:
    if not facts:
        return proposed
    boxes, confidence = proposed.boxes.copy(), proposed.confidence.copy()
    for pin in facts:
        boxes[pin.index] = np.nan if pin.box is None else pin.box
        confidence[pin.index] = 1.0
    return Localization(boxes, confidence, proposed.score, proposed.method)


def _newest_learned(project: Path, line: Sequence[Round], method: str) -> Checkpoint | None:
    """What the newest round of this method, or of its kin, in a line learned; None if there was none."""
    newest = newest_of(line, method)
    name = newest.checkpoint if newest else None
    return on_disk.read(project / "checkpoints" / name, method, METHODS[method].kin) if name else None


def _kept(kept: Path, method: str, made_from: Mapping[str, object]) -> Checkpoint | None:
    """What a stopped attempt had learned, if it is whole and learned from the same things."""
    try:
        return on_disk.read(kept, method) if on_disk.made_from(kept) == made_from else None
    except CheckpointError:
        return None
