"""The words of a project as the library wants them: a sequence that decodes an image when it is asked for."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import overload

from charloc.images import decode
from charloc.types import WordImage
from db import Correction, Store

CHUNK = 128
CACHE_BYTES = 512 * 1024 * 1024


class StoreWords(Sequence[WordImage]):
    """N words of a project, in the order of `ids`, decoded on access and kept while they fit in the cache.

    Safe to index from several threads. Images are read from the store many at a time: always, where all words fit
    in the cache; otherwise only when the words are asked for one after the other, so that random access to a large
    project does not decode what is thrown away unused.

    Args:
        store: the project's store; stays open while this is used.
        ids: word ids.
        corrections: by word id, those whose transcripts hold; None for those in force at this moment.
        cache_bytes: how many bytes of decoded pixels to keep.
        chunk: how many images to read at a time.
    """

    def __init__(
        self,
        store: Store,
        ids: Sequence[int],
        corrections: Mapping[int, Correction] | None = None,
        *,
        cache_bytes: int = CACHE_BYTES,
        chunk: int = CHUNK,
    ) -> None:
        self.ids = tuple(ids)
        self._store = store
        self.records = store.words(self.ids)
        if corrections is not None:
            texts = {word_id: each.text for word_id, each in corrections.items()}
            self.records = [record.reading(texts.get(record.id)) for record in self.records]
        self._cache_bytes = cache_bytes
        self._chunk = chunk
        self._all_fit = sum(each.width * each.height for each in self.records) <= cache_bytes
        self._cache: OrderedDict[int, WordImage] = OrderedDict()
        self._cached_bytes = 0
        self._last = -1
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, index: int) -> WordImage: ...

    @overload
    def __getitem__(self, index: slice) -> list[WordImage]: ...

    def __getitem__(self, index: int | slice) -> WordImage | list[WordImage]:
        """One word, or a list of them.

        Raises:
            IndexError: there is no such word.
            ImageError: its image cannot be decoded; the message names the word.
        """
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        position = index + len(self) if index < 0 else index
        if not 0 <= position < len(self):
            raise IndexError(f"word {index} of {len(self)}")
        with self._lock:
            word = self._cache.get(position)
            if word is None:
                word = self._load(position)
            else:
                self._cache.move_to_end(position)
            self._last = position
            return word

    def _load(self, position: int) -> WordImage:
        """Read and decode the word at `position` and, where that pays, those after it."""
        ahead = self._all_fit or position == self._last + 1
        stop = min(position + self._chunk, len(self)) if ahead else position + 1
        missing = [each for each in range(position, stop) if each not in self._cache]
        images = self._store.images_of([self.ids[each] for each in missing])
        wanted: WordImage | None = None
        # Backwards, so that the word asked for is the newest in the cache and the last to be dropped.
        for each in reversed(missing):
            record = self.records[each]
            pixels = decode(images[record.id], record.name)
            word = WordImage(id=record.id, name=record.name, pixels=pixels, characters=record.characters)
            self._cache[each] = word
            self._cached_bytes += pixels.nbytes
            wanted = word
        while self._cached_bytes > self._cache_bytes and len(self._cache) > 1:
            self._cached_bytes -= self._cache.popitem(last=False)[1].pixels.nbytes
        assert wanted is not None
        return wanted
