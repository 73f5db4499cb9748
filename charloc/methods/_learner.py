"""What methods that learn from words' views have in common: a charset that grows, a net that is kept, what is believed.

Not a method itself. A method derives from `Learner`, names its net, and writes the two steps.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from charloc.descent import BATCH, Shown
from charloc.glyphs import has_marks
from charloc.ink import Band, Ink, find_ink
from charloc.inkmap import OwnInk
from charloc.learning import Sample, parted
from charloc.learning_ink import own_ink
from charloc.methods import Checkpoint
from charloc.nets import STRIDE
from charloc.nets_ink import InkNet
from charloc.normalise import View, view
from charloc.pretrained import INK
from charloc.text import Charset, visual_order
from charloc.types import CheckpointError, Localization, Pins, TrainingSet, WordImage

Floats = NDArray[np.float32]
Net = TypeVar("Net", bound=nn.Module)
Item = TypeVar("Item", bound=Shown)

PINNED_REPEAT = 4
"""How often per epoch a word with a pin is shown."""
PINNED_WEIGHT = 8.0
"""How much a pinned character counts, each time, against one only believed to be there: a person corrects a few of the
many that share a mistake, and those few must outweigh it."""
MOST_EPOCHS = 60
"""A handful of words is not shown more often than this."""
CHUNK, CHUNK_PX = 64, 6_000_000
"""Words that are looked at together, at most, and pixels of their pictures: some hundred bytes of each are kept."""
NEWER_INK = ("around.",)
"""As `Learner.newer`, of the net of ink."""
NOTHING = "There is nothing to learn from: every word is flagged or empty. Import words first."


class Learner(ABC, Generic[Net]):
    """A charset, a net whose first dimension of some tensors counts its classes, and how many rounds it has learned.

    Args:
        checkpoint: from an earlier round, or None to start fresh.
        seed: of everything random in the M-step.
    """

    name: str
    learns = True
    kin: tuple[str, ...] = ()
    """Other methods whose checkpoints this one goes on from."""
    newer: tuple[str, ...] = ()
    """What the names of tensors begin with that an older checkpoint may lack: parts that say nothing yet."""

    def __init__(self, checkpoint: Checkpoint | None, seed: int) -> None:
        self.seed = seed
        self.charset = Charset(())
        self.net: Net | None = None
        self.ink: InkNet | None = None
        self.rounds = 0
        if checkpoint is not None:
            self._restore(checkpoint)

    @abstractmethod
    def _new_net(self, classes: int) -> Net:
        """A net for `classes` classes, background included, with random weights."""

    def _kept(self) -> Mapping[str, object]:
        """What a method keeps in a checkpoint besides net, charset and rounds: plain JSON."""
        return {}

    def _recall(self, settings: Mapping[str, object]) -> None:
        """Take back what `_kept` gave."""

    def _learned(self) -> Net:
        """The net, ready to say something.

        Raises:
            CheckpointError: nothing has been learned yet.
        """
        if self.net is None:
            raise CheckpointError(f"The {self.name} method has learned nothing yet. Run a round of training first.")
        return self.net.eval()

    def _own_ink(self) -> OwnInk | None:
        """What tells a word's ink from other dark things, where that was learned."""
        return None if self.ink is None else partial(own_ink, self.ink)

    def _grow(self, charset: Charset) -> None:
        """A net for `charset` that keeps what the present one knows."""
        if self.net is not None and len(charset) == len(self.charset):
            return
        torch.manual_seed(self.seed)
        grown = self._new_net(len(charset))
        if self.net is not None:
            state = grown.state_dict()
            for key, value in self.net.state_dict().items():
                if state[key].shape == value.shape:
                    state[key] = value
                else:
                    state[key][: len(value)] = value
            grown.load_state_dict(state)
        self.net, self.charset = grown, charset

    def checkpoint(self) -> Checkpoint:
        nets = {"": self.net, INK: self.ink}
        tensors = {
            prefix + name: tensor.numpy().copy()
            for prefix, net in nets.items()
            if net is not None
            for name, tensor in net.state_dict().items()
        }
        settings = {"method": self.name, "charset": self.charset.to_json(), **self._kept(), "rounds": self.rounds}
        return Checkpoint(tensors, settings)

    def _restore(self, checkpoint: Checkpoint) -> None:
        settings = checkpoint.settings
        if settings.get("method") not in (self.name, *self.kin):
            raise CheckpointError(
                f"The checkpoint is of the method '{settings.get('method')}', not '{self.name}'. Start a fresh round."
            )
        self.charset = Charset.from_json(str(settings["charset"]))
        self.rounds = int(str(settings["rounds"]))
        self._recall(settings)
        tensors = {name: torch.from_numpy(np.array(each)) for name, each in checkpoint.tensors.items()}
        letters = {name: each for name, each in tensors.items() if not name.startswith(INK)}
        if letters:
            self.net = self._new_net(len(self.charset))
            _fill(self.net, letters, self.newer)
        self.ink = ink_net(checkpoint)


def ink_net(checkpoint: Checkpoint) -> InkNet | None:
    """The net of ink in a checkpoint, if there is one."""
    tensors = {
        name.removeprefix(INK): torch.from_numpy(np.array(each))
        for name, each in checkpoint.tensors.items()
        if name.startswith(INK)
    }
    if not tensors:
        return None
    net = InkNet()
    _fill(net, tensors, NEWER_INK)
    return net


def _fill(net: nn.Module, tensors: Mapping[str, torch.Tensor], newer: tuple[str, ...] = ()) -> None:
    fresh = {name: each for name, each in net.state_dict().items() if newer and name.startswith(newer)}
    try:
        net.load_state_dict({**fresh, **tensors})
    except RuntimeError as error:
        raise CheckpointError(
            "The checkpoint does not fit this version's net. A round's: learn anew with launch.py train --fresh. "
            "One of pretrain: make it again."
        ) from error
    net.eval()


def own_ink_of(checkpoint: Checkpoint) -> OwnInk | None:
    """What tells a word's ink from other dark things, as a checkpoint has it."""
    net = ink_net(checkpoint)
    return None if net is None else partial(own_ink, net)


# --- what is seen and what is believed --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What is seen of a word before anything is known of its characters."""

    ink: Ink
    view: View


def look(word: WordImage, own: OwnInk | None = None, band: Band | None = None) -> Look:
    ink = find_ink(word.pixels, has_marks(word.characters), own, band)
    return Look(ink, view(ink))


def chunks(words: Sequence[WordImage], chosen: Sequence[int]) -> Iterator[list[int]]:
    """The chosen indices in order, as many at a time as may be looked at together, one at least."""
    some: list[int] = []
    pixels = 0
    for i in chosen:
        size = words[i].pixels.size
        if some and (len(some) == CHUNK or pixels + size > CHUNK_PX):
            yield some
            some, pixels = [], 0
        some.append(i)
        pixels += size
    if some:
        yield some


def each_look(
    words: Sequence[WordImage], chosen: Sequence[int], own: OwnInk | None = None
) -> Iterator[tuple[WordImage, Look]]:
    """The chosen words with their looks, two at a time, in order, never holding more than a chunk."""
    with ThreadPoolExecutor(2) as pool:
        for some in chunks(words, chosen):
            chunk = [words[i] for i in some]
            yield from zip(chunk, pool.map(partial(look, own=own), chunk), strict=True)


def nothing_believed(training: TrainingSet, chosen: Sequence[int]) -> bool:
    """Whether nobody believes that any letter of the chosen words is anywhere, but for what people said: a flat start.

    Where people said everything there is nothing left to find out.
    """
    some = False
    for i in chosen:
        latent = np.isfinite(training.localizations[i].boxes[:, 0])
        latent[[pin.index for pin in training.pins[i]]] = False
        if (training.localizations[i].confidence[latent] > 0).any():
            return False
        some |= bool(latent.any())
    return some


def believed_boxes(current: Localization, pins: Pins) -> Floats:
    """Where a word's characters are believed to be, float32 (L, 4): what `current` says, and people instead of it."""
    boxes = current.boxes.astype(np.float32).copy()
    for pin in pins:
        boxes[pin.index] = pin.box if pin.box is not None else np.nan
    return boxes


def believed(seen: Look, word: WordImage, current: Localization, pins: Pins, charset: Charset) -> tuple[Sample, Floats]:
    """What a net learns from a word (`believed_boxes`), and its boxes in core heights from its baseline, (L, 4)."""
    ink, boxes = seen.ink, believed_boxes(current, pins)
    confidence = current.confidence.astype(np.float32)
    # Weak beliefs still count: the net finds out what most of them have in common.
    weights = 0.3 + 0.7 * np.nan_to_num(confidence)
    for pin in pins:
        weights[pin.index] = PINNED_WEIGHT
    x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
    middle = ink.upright_column(x, y)
    wide, tall = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    half = np.maximum(wide - abs(ink.slant) * tall, 0.4 * wide) / 2
    left, right = parted(np.stack([middle - half, middle + half], axis=1), visual_order(word.characters)).T
    spans = np.stack([seen.view.frames(left, STRIDE), seen.view.frames(right, STRIDE)], axis=1)
    at, baseline = ink.place((left + right) / 2)
    edges = np.stack([boxes[:, 0] - at, baseline - boxes[:, 1], boxes[:, 2] - at, baseline - boxes[:, 3]], axis=1)
    edges = (edges / ink.core).astype(np.float32)
    classes = charset.encode(word.characters)
    repeat = PINNED_REPEAT if any(pin.box is not None for pin in pins) else 1
    return Sample(seen.view.pixels, classes, spans.astype(np.float32), edges, weights, repeat), edges


def steps_and_repeats(samples: Sequence[Item], times: float, least: int, most: int) -> tuple[int, list[Item]]:
    """How many steps of a batch show every word `times` times, within `least` and `most`; and the samples to show.

    However many words there are, what people said is shown as often as in a small set.
    """
    epoch = sum(sample.repeat for sample in samples) / BATCH
    rarely = max(1.0, times * epoch / most)
    shown = [
        replace(each, repeat=round(each.repeat * rarely)) if each.repeat > 1 else each  # type: ignore[type-var]
        for each in samples
    ]
    return int(np.clip(times * epoch, max(min(least, MOST_EPOCHS * epoch), 20), most)), shown
