"""The process that re-aligns words while people move characters: one request a line on its standard input, one answer
a line on its standard output, JSON each.

    {"id": 7, "do": "load", "round_id": 3}                        -> {"id": 7, "round_id": 3}
    {"id": 8, "do": "solve", "round_id": 3, "word": {"id": 12, "name": "12.png", "sha": "..."},
     "characters": ["a", "b"], "pins": [[0, [1, 2, 9, 20], "pinned"]]}
                                                                  -> {"id": 8, "round_id": 3, "boxes": [...], ...}
    {"id": 9, "do": "warm", "round_id": 3, "word": ..., "characters": ...}   -> {"id": 9, "round_id": 3}

What cannot be granted is answered with "refused" and a sentence for people, what went wrong with "failed"; its log is
the standard error. It works as the round `round_id` ended: a newer one is made ready meanwhile, and until then answers
come from the older one. Nothing is ever written to the project. It ends when its input does, whatever it is doing.
"""

from __future__ import annotations

import json
import math
import os
import queue
import signal
import sys
import threading
import traceback
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotator.priority import NICENESS
from annotator.starts import Start
from charloc import checkpoint as on_disk
from charloc.images import decode
from charloc.methods import METHODS, Method, make
from charloc.realign import Realigner
from charloc.types import CharlocError, ImageError, Localization, Pin, PinError, TranscriptError, WordImage
from db import Round, Store

Json = dict[str, Any]
SWITCH_S = 0.0005
PICTURES = 64
"""So many decoded pictures are kept."""


def method_of(project: Path, finished: Round) -> Method:
    """The method that made a finished round's proposals, as it was then.

    Raises:
        CharlocError: there is no such method any more, or its checkpoint is missing or damaged.
    """
    if finished.method not in METHODS:
        raise CharlocError(f"Round {finished.number} is by the method '{finished.method}', which there is not here.")
    settings = dict(finished.settings)
    if METHODS[finished.method].learns:
        Start.taken_from(settings)
    learned = None
    if finished.checkpoint:
        learned = on_disk.read(project / "checkpoints" / finished.checkpoint, finished.method)
    return make(finished.method, learned, **settings)


class Helper:
    """Answers requests about the words of one project.

    Args:
        store: the open project; only read.
        project: its folder.
    """

    def __init__(self, store: Store, project: Path) -> None:
        self._store, self._project = store, project
        self._pictures: OrderedDict[str, NDArray[np.uint8]] = OrderedDict()
        self._loaded: tuple[Realigner, int] | None = None
        self._loading: threading.Thread | None = None
        # Beside the answers, and after them: a line takes longer to make ready than a step of a drag may.
        self._ahead = ThreadPoolExecutor(1, initializer=_step_back)
        self._unusable: int | None = None

    def answer(self, request: Json) -> Json:
        """What is answered to a request, without its id; never raises."""
        try:
            if request["do"] == "load":
                self._load(request["round_id"])
                return {"round_id": request["round_id"]}
            realigner, round_id = self._current(request["round_id"])
            word = self._word(request)
            if request["do"] == "warm":
                self._ahead.submit(self._warm, realigner, round_id, word)
                return {"round_id": round_id}
            prepared = realigner.prepare(word, lambda: self._known(round_id, word))
            pins = tuple(Pin(index, box and tuple(box), state) for index, box, state in request["pins"])
            return as_json(realigner.solve(prepared, pins)) | {"round_id": round_id}
        except CharlocError as error:
            return {"refused": str(error)}
        except Exception as error:  # noqa: BLE001 - one word must not end the work on all others
            traceback.print_exc()
            return {"failed": repr(error)}

    def _current(self, round_id: int) -> tuple[Realigner, int]:
        """Who answers now; if it is not as `round_id`, that is being made ready."""
        loaded = self._loaded  # another thread may put a newer one there
        if loaded is None:
            raise CharlocError("Nothing is loaded yet.")
        idle = self._loading is None or not self._loading.is_alive()
        if idle and round_id not in (loaded[1], self._unusable):
            self._loading = threading.Thread(target=self._try_to_load, args=(round_id,), daemon=True)
            self._loading.start()
        return loaded

    def _try_to_load(self, round_id: int) -> None:
        try:
            self._load(round_id)
        except Exception:  # noqa: BLE001 - the older round goes on answering
            self._unusable = round_id
            traceback.print_exc()

    def _load(self, round_id: int) -> None:
        realigner = Realigner(method_of(self._project, self._store.round(round_id)))
        # Compiled code is loaded now, not while somebody drags.
        ids = self._store.word_ids()[:1]
        for word in self._store.words(ids):
            with suppress(ImageError, PinError, TranscriptError):  # of this word only
                pixels = decode(self._store.image(word.image_sha)[0], word.name)
                picture = WordImage(word.id, word.name, pixels, ("a", "b"))
                box = (0.0, 0.0, word.width / 2, float(word.height))
                realigner.solve(realigner.prepare(picture), (Pin(0, box),))
        self._loaded = realigner, round_id

    def _warm(self, realigner: Realigner, round_id: int, word: WordImage) -> None:
        try:
            realigner.prepare(word, lambda: self._known(round_id, word))
        except Exception:  # noqa: BLE001 - whoever asks about it is told
            traceback.print_exc()

    def _known(self, round_id: int, word: WordImage) -> Localization | None:
        """Where the round itself has the word's characters without what people said, if it is about this transcript."""
        if self._store.words([word.id])[0].characters != word.characters:
            return None
        return self._store.unaided(round_id, [word.id]).get(word.id)

    def _word(self, request: Json) -> WordImage:
        word = request["word"]
        sha = word["sha"]
        if sha not in self._pictures:
            self._pictures[sha] = decode(self._store.image(sha)[0], word["name"])
            if len(self._pictures) > PICTURES:
                self._pictures.popitem(last=False)
        self._pictures.move_to_end(sha)
        return WordImage(word["id"], word["name"], self._pictures[sha], tuple(request["characters"]))


def _step_back() -> None:
    """This thread gets the processor after the one that answers, where threads have a niceness of their own."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


def as_json(found: Localization) -> Json:
    """Boxes, null where there is none, and confidence, rounded as proposals are."""
    rows = found.boxes.astype(float).round(2).tolist()
    confidence = np.nan_to_num(found.confidence).astype(float).round(4).tolist()
    return {"boxes": [row if all(map(math.isfinite, row)) else None for row in rows], "confidence": confidence}


def main(project: Path) -> None:
    """Answer requests until the input ends."""
    # Ctrl-C in the server's terminal is the server's affair.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A step must not wait long for Python's lock while a word is made ready beside it.
    sys.setswitchinterval(SWITCH_S)
    # Whatever prints must not garble the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    requests: queue.SimpleQueue[Json] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(requests,), daemon=True).start()
    with Store.open(project) as store:
        helper = Helper(store, project)
        while True:
            request = requests.get()
            answer = helper.answer(request) | {"id": request["id"]}
            answers.write(json.dumps(answer).encode() + b"\n")
            answers.flush()


def _read(requests: queue.SimpleQueue[Json]) -> None:
    try:
        for line in sys.stdin.buffer:
            requests.put(json.loads(line))
    finally:
        # Nobody is there any more who wants an answer, and there is nothing to put away.
        os._exit(0)
