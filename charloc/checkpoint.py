"""What a method has learned, on disk: a directory that is there whole or not at all.

    round_3/
        tensors.safetensors
        checkpoint.json     method, settings, what it was made from, sha256 of the tensors

It is written as `round_3.tmp/`, every file and the directory are flushed to the disk, and only then it gets its name.
A process killed at any moment leaves either the complete directory or a `.tmp` that nobody reads. Nothing is pickled.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from charloc.methods import Checkpoint
from charloc.types import CheckpointError

FORMAT = 1
TENSORS = "tensors.safetensors"
RECORD = "checkpoint.json"
ADVICE = "Put the folder back from a backup, or train with --fresh: that learns anew from the newest round's boxes."


def write(directory: Path, method: str, checkpoint: Checkpoint, made_from: Mapping[str, object] | None = None) -> None:
    """Write a checkpoint so that `directory` appears whole, on the disk, or not at all.

    A directory of that name is removed first: write only to a name that nothing refers to yet.

    Args:
        directory: where; its parents are made.
        method: name of the method that learned it.
        checkpoint: what was learned.
        made_from: plain JSON that says what it was learned from; `made_from` gives it back.

    Raises:
        CheckpointError: the disk is full or not writable.
        TypeError: settings or `made_from` are not plain JSON.
    """
    tensors = safetensors.numpy.save({name: np.asarray(each, order="C") for name, each in checkpoint.tensors.items()})
    record = {
        "format": FORMAT,
        "method": method,
        "tensors_sha256": hashlib.sha256(tensors).hexdigest(),
        "made_from": dict(made_from or {}),
        "settings": dict(checkpoint.settings),
    }
    text = json.dumps(record, indent=1, ensure_ascii=False)
    unfinished = directory.with_name(directory.name + ".tmp")
    try:
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        _write_through(unfinished / TENSORS, tensors)
        _write_through(unfinished / RECORD, text.encode())
        _flush_directory(unfinished)
        if directory.exists():
            shutil.rmtree(directory)
        os.rename(unfinished, directory)
        _flush_directory(directory.parent)
    except OSError as error:
        raise CheckpointError(
            f"Could not write what was learned to {directory}: {error.strerror}. Free some space or check the "
            "permissions of the project folder, then train again: the round goes on where it was."
        ) from error


def read(directory: Path, method: str | None = None, kin: Collection[str] = ()) -> Checkpoint:
    """The checkpoint that `write` left in `directory`, its arrays writable.

    Args:
        directory: where it is.
        method: name of the method that wants it; None: whoever its settings name.
        kin: other methods that may have learned it; its settings say which one did.

    Raises:
        CheckpointError: there is none, it is damaged, it is another method's or a newer charloc's.
    """
    record = _record(directory)
    if method is not None and record.get("method") not in (method, *kin):
        raise CheckpointError(
            f"{directory} was learned by the method '{record.get('method')}', not by '{method}'. "
            "Train with that method, or with --fresh."
        )
    try:
        data = (directory / TENSORS).read_bytes()
    except OSError as error:
        raise CheckpointError(f"{directory / TENSORS} cannot be read ({error.strerror}). {ADVICE}") from error
    if hashlib.sha256(data).hexdigest() != record.get("tensors_sha256"):
        raise CheckpointError(f"{directory / TENSORS} is damaged: it is not what was written there. {ADVICE}")
    try:
        tensors = safetensors.numpy.load(data)
    except SafetensorError as error:
        raise CheckpointError(f"{directory / TENSORS} is damaged ({error}). {ADVICE}") from error
    return Checkpoint({name: np.array(each) for name, each in tensors.items()}, record["settings"])


def made_from(directory: Path) -> Mapping[str, object]:
    """What `write` was told the checkpoint was made from.

    Raises:
        CheckpointError: as `read`, but the tensors are not looked at.
    """
    value: Mapping[str, object] = _record(directory)["made_from"]
    return value


def _record(directory: Path) -> dict[str, Any]:
    path = directory / RECORD
    try:
        record = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise CheckpointError(f"There is no checkpoint in {directory}. {ADVICE}") from error
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror}). {ADVICE}") from error
    except ValueError as error:
        raise CheckpointError(f"{path} is damaged ({error}). {ADVICE}") from error
    if not isinstance(record, dict) or not isinstance(record.get("format"), int):
        raise CheckpointError(f"{path} is not a checkpoint's record. {ADVICE}")
    if record["format"] > FORMAT:
        raise CheckpointError(
            f"{path} has format {record['format']}; this charloc reads up to {FORMAT}. Install a newer charloc."
        )
    if not isinstance(record.get("settings"), dict) or not isinstance(record.get("made_from"), dict):
        raise CheckpointError(f"{path} is damaged: settings or made_from are missing. {ADVICE}")
    return record


def _write_through(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _flush_directory(path: Path) -> None:
    if os.name == "nt":  # Windows cannot open a directory, and flushes renames itself
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
