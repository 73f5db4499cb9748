"""A checkpoint is there whole or not at all, and says what is wrong with it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from charloc import checkpoint as on_disk
from charloc.methods import Checkpoint
from charloc.types import CheckpointError

DTYPES = st.sampled_from([np.float32, np.float64, np.float16, np.int64, np.int32, np.uint8, np.bool_])
ARRAYS = DTYPES.flatmap(lambda dtype: npst.arrays(dtype, npst.array_shapes(min_dims=0, max_dims=3, min_side=0)))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def sample(value: float = 1.0) -> Checkpoint:
    return Checkpoint({"net.weight": np.full((3, 4), value, np.float32)}, {"charset": ["a", "ß"], "height_px": 32})


@given(st.dictionaries(st.text("abc.", min_size=1), ARRAYS, max_size=4), st.dictionaries(st.text(), JSON, max_size=4))
@settings(max_examples=40)
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, tensors: dict, plain: dict) -> None:
    directory = tmp_path_factory.mktemp("checkpoint") / "round_1"
    on_disk.write(directory, "segmental", Checkpoint(tensors, plain))
    read = on_disk.read(directory, "segmental")
    assert read.settings == plain
    assert read.tensors.keys() == tensors.keys()
    for name, array in tensors.items():
        assert read.tensors[name].dtype == array.dtype
        assert read.tensors[name].shape == array.shape
        np.testing.assert_array_equal(read.tensors[name], array)
        assert read.tensors[name].flags.writeable


def test_arrays_that_are_views_are_written_as_seen(tmp_path: Path) -> None:
    array = np.arange(12, dtype=np.float32).reshape(3, 4).T[::2]
    on_disk.write(tmp_path / "round_1", "m", Checkpoint({"a": array}, {}))
    np.testing.assert_array_equal(on_disk.read(tmp_path / "round_1", "m").tensors["a"], array)


def test_made_from_is_kept_and_nothing_is_left_over(tmp_path: Path) -> None:
    on_disk.write(tmp_path / "round_1", "m", sample(), {"corrections_upto": 7})
    on_disk.write(tmp_path / "round_1", "m", sample(2.0), {"corrections_upto": 9})
    assert on_disk.made_from(tmp_path / "round_1") == {"corrections_upto": 9}
    assert on_disk.read(tmp_path / "round_1", "m").tensors["net.weight"][0, 0] == 2.0
    assert [each.name for each in tmp_path.iterdir()] == ["round_1"]


def test_absent(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no checkpoint in .*round_4.*--fresh"):
        on_disk.read(tmp_path / "round_4", "m")


def test_of_another_method(tmp_path: Path) -> None:
    on_disk.write(tmp_path / "round_1", "ctc", sample())
    with pytest.raises(CheckpointError, match="'ctc', not by 'segmental'"):
        on_disk.read(tmp_path / "round_1", "segmental")
    assert on_disk.read(tmp_path / "round_1", "gradient", kin=("ctc",)).settings == sample().settings


def test_of_a_newer_charloc(tmp_path: Path) -> None:
    on_disk.write(tmp_path / "round_1", "m", sample())
    record = tmp_path / "round_1" / on_disk.RECORD
    record.write_text(json.dumps(json.loads(record.read_text()) | {"format": 99}))
    with pytest.raises(CheckpointError, match="newer charloc"):
        on_disk.read(tmp_path / "round_1", "m")


@given(data=st.data())
@settings(max_examples=60)
def test_any_damage_is_an_error_for_people(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    directory = tmp_path_factory.mktemp("checkpoint") / "round_1"
    on_disk.write(directory, "m", sample())
    path = directory / data.draw(st.sampled_from([on_disk.TENSORS, on_disk.RECORD]))
    good = path.read_bytes()
    kind = data.draw(st.sampled_from(["cut", "flip", "replace", "remove"]))
    where = data.draw(st.integers(0, len(good) - 1))
    if kind == "cut":
        path.write_bytes(good[:where])
    elif kind == "flip":
        path.write_bytes(good[:where] + bytes([good[where] ^ 0x15]) + good[where + 1 :])
    elif kind == "replace":
        path.write_bytes(data.draw(st.binary(max_size=64)))
    else:
        path.unlink()
    try:
        read = on_disk.read(directory, "m")
    except CheckpointError:
        return
    # Only the record's settings can change without notice; the numbers cannot.
    np.testing.assert_array_equal(read.tensors["net.weight"], sample().tensors["net.weight"])


def test_not_json_settings_write_nothing(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        on_disk.write(tmp_path / "round_1", "m", Checkpoint({}, {"bad": object()}))
    assert list(tmp_path.iterdir()) == []


def test_unwritable_place_is_an_error_for_people(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").write_text("a file where the folder should be")
    with pytest.raises(CheckpointError, match="Could not write"):
        on_disk.write(tmp_path / "checkpoints" / "round_1", "m", sample())


KILL_AT = """
import os, signal, sys
from pathlib import Path
import numpy as np
from charloc import checkpoint as on_disk
from charloc.methods import Checkpoint

left = int(sys.argv[2])
def die_in_time(call):
    def wrapped(*args, **kwargs):
        global left
        left -= 1
        if left == 0: os.kill(os.getpid(), signal.SIGKILL)
        result = call(*args, **kwargs)
        left -= 1
        if left == 0: os.kill(os.getpid(), signal.SIGKILL)
        return result
    return wrapped

os.fsync, os.rename = die_in_time(os.fsync), die_in_time(os.rename)
on_disk.write(Path(sys.argv[1]), "m", Checkpoint({"net.weight": np.full((3, 4), 5.0, np.float32)}, {}))
"""
STEPS = 10  # before and after: two files, their directory, the rename, the parent directory


@pytest.mark.parametrize("step", range(1, STEPS + 2))
def test_killed_between_any_two_steps(tmp_path: Path, step: int) -> None:
    directory = tmp_path / "round_1"
    died = subprocess.run([sys.executable, "-c", KILL_AT, str(directory), str(step)], timeout=60, check=False)
    assert died.returncode == (0 if step > STEPS else -signal.SIGKILL)
    if directory.exists():
        assert on_disk.read(directory, "m").tensors["net.weight"][0, 0] == 5.0
    else:
        assert step <= 7  # the rename is the seventh
    on_disk.write(directory, "m", sample(6.0))
    assert on_disk.read(directory, "m").tensors["net.weight"][0, 0] == 6.0
    assert [each.name for each in tmp_path.iterdir()] == ["round_1"]
