"""The open collections of a service: each is opened once, shared by all requests, and closed when unused."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import ragkit
from ragkit import NotFoundError, RagkitError, Settings, show
from ragkit_service.settings import DEFAULT_REMEMBER

if TYPE_CHECKING:
    from ragkit import ChatModel, Embedder, KnowledgeBase

logger = logging.getLogger(__name__)

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_IDENTITY_SECONDS: Final = 1.0
"""How long a shared store is not asked again whether a collection was deleted and created again."""
_UNKNOWN_TIME: Final = "1970-01-01T00:00:00.000Z"


class Library(Protocol):
    """The part of a data folder that the service needs; tests pass one in memory."""

    def names(self) -> list[str]:
        """Return the collections, in order."""

    def identity(self, name: str) -> Hashable | None:
        """Return an identity that a later collection of the same name does not share; None if there is no such
        collection. Fast."""

    def open(self, name: str) -> KnowledgeBase:
        """Open a collection that exists."""

    def create(self, name: str) -> None:
        """Make an empty collection; ConflictError, InputError."""

    def delete(self, name: str) -> None:
        """Delete a collection with all it holds; NotFoundError, LockedError."""

    def warm(self) -> None:
        """Load what every collection needs (the embedding model)."""

    def embedder(self) -> Embedder:
        """Return the embedder that all collections share; ModelError, MissingPackageError."""


class DataFolder:
    """The library in a data folder. One embedder serves all collections; it is loaded at first use, embeds questions
    that arrive together as one batch, and caches the vectors of the last `remember` questions (LRU)."""

    def __init__(
        self,
        data: str | Path,
        *,
        settings: Settings,
        embedder: Embedder | None = None,
        chat: ChatModel | None = None,
        remember: int = DEFAULT_REMEMBER,
    ) -> None:
        self.data = data
        self._is_shared = isinstance(data, str) and "://" in data
        self._identities: dict[str, tuple[str | None, float]] = {}
        self._settings = settings
        self._remember = remember
        self._embedder = embedder
        self._chat = chat
        self._loading = threading.Lock()

    def names(self) -> list[str]:
        """Return the collections, in order."""
        names: list[str] = ragkit.list_collections(self.data)
        return names

    def identity(self, name: str) -> Hashable | None:
        """Return what names a collection; it changes if the collection is deleted and created again.

        A shared store is asked once a second for each name: a collection that was deleted says so by itself.
        """
        if not self._is_shared:
            return ragkit.collection_identity(self.data, name)
        known, until = self._identities.get(name, (None, 0.0))
        if known is None or time.monotonic() > until:
            known = ragkit.collection_identity(self.data, name)
            self._identities[name] = known, time.monotonic() + _IDENTITY_SECONDS
        return known

    def open(self, name: str) -> KnowledgeBase:
        """Open a collection that exists."""
        return ragkit.open(
            self.data,
            collection=name,
            settings=self._settings,
            embedder=self.embedder(),
            chat=self._chat,
            create=False,
        )

    def create(self, name: str) -> None:
        """Make an empty collection."""
        ragkit.create_collection(self.data, name)

    def delete(self, name: str) -> None:
        """Delete a collection with all it holds."""
        ragkit.delete_collection(self.data, name)
        self._identities.pop(name, None)

    def warm(self) -> None:
        """Load the embedding model and embed one text, so that it is compiled."""
        self.embedder().embed_queries(["warm up"])

    def embedder(self) -> Embedder:
        """Return the shared embedder, loaded at the first call; ModelError, MissingPackageError."""
        with self._loading:
            if self._embedder is None:
                loaded = ragkit.load_embedder(self._settings.model)
                self._embedder = ragkit.QueryBatcher(loaded, remember=self._remember)
            return self._embedder


def unknown_collection(name: str) -> NotFoundError:
    """Return the error of a collection that does not exist, or belongs to other keys: both read the same."""
    return NotFoundError(
        f"there is no collection {show(name, 80)!r}", cure="GET /v1/collections lists them; POST makes one"
    )


@dataclass(slots=True)
class _Entry:
    """One open collection. users: requests that use it. retired: the last of them closes it."""

    knowledge: KnowledgeBase
    identity: Hashable
    users: int = 0
    retired: bool = False


class CollectionPool:
    """Lends open collections by name for the length of a `with` block. Thread-safe.

    A collection that another process deleted, or deleted and created again, is noticed at the next request. limit:
    collections kept open; beyond it, the least recently used one is closed.
    """

    def __init__(self, library: Library, *, limit: int = 64) -> None:
        self._library = library
        self._limit = limit
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._opening: dict[str, threading.Lock] = {}
        self._created: dict[str, tuple[Hashable, str]] = {}
        self._lock = threading.Lock()
        self._closed = False

    def names(self) -> list[str]:
        """Return the names of all collections, open or not."""
        return self._library.names()

    def open_count(self) -> int:
        """Return how many collections are open."""
        return len(self._entries)

    def warm(self) -> None:
        """Load the model."""
        self._library.warm()

    def embedder(self) -> Embedder:
        """Return the embedder that all collections share, loaded at the first call; ModelError, MissingPackageError."""
        return self._library.embedder()

    @contextmanager
    def use(self, name: str) -> Iterator[KnowledgeBase]:
        """Lend a collection, opening it if necessary; NotFoundError when there is none of that name."""
        entry = self._borrow(name)
        try:
            yield entry.knowledge
        finally:
            self._return(entry)

    @contextmanager
    def use_open(self, name: str) -> Iterator[KnowledgeBase | None]:
        """Lend a collection if it is open already, else None: never waits. NotFoundError as `use`."""
        entry = self._take(name, self._identity(name))
        try:
            yield None if entry is None else entry.knowledge
        finally:
            if entry is not None:
                self._return(entry)

    def follow_files(self) -> None:
        """Bring the own files of the open collections in line with other machines; a failure is logged."""
        words = "the files of the collection %s are not shared yet: %s"
        self._follow(list(self._entries), lambda knowledge: knowledge.follow_files(), failure=words)

    def follow_commits(self, names: Iterable[str] | None) -> None:
        """Bring the indexes of collections that are open up to their last commit; None: of all. A failure is logged."""
        words = "the next question to the collection %s follows the last commit: %s"
        chosen = list(self._entries) if names is None else names
        self._follow(chosen, lambda knowledge: knowledge.follow_commits(), failure=words)

    def _follow(self, names: Iterable[str], follow: Callable[[KnowledgeBase], object], *, failure: str) -> None:
        """Call a function with each of the collections that is open. failure: what is logged of its error."""
        for name in names:
            try:
                with self.use_open(name) as knowledge:
                    if knowledge is not None:
                        follow(knowledge)
            except NotFoundError:
                continue  # it was deleted in between
            except RagkitError as error:
                logger.warning(failure, name, error)

    def check(self, name: str) -> None:
        """Raise NotFoundError when there is no collection of that name."""
        self._identity(name)

    def created_at(self, name: str) -> str:
        """Return when a collection was made, as ISO 8601; 1970 when that cannot be read.

        A collection is opened for it once: the time is remembered.
        """
        try:
            identity = self._identity(name)
            known = self._created.get(name)
            if known is None or known[0] != identity:
                with self.use(name) as knowledge:
                    known = self._created[name] = (identity, str(knowledge.view(None).status()["created_at"]))
        except RagkitError:
            return _UNKNOWN_TIME
        return known[1]

    def is_name(self, name: str) -> bool:
        """Return whether a collection may have this name."""
        return _NAME.fullmatch(name) is not None

    def create(self, name: str) -> None:
        """Make an empty collection; ConflictError when there is one, InputError when the name is not allowed."""
        self._library.create(name)
        self._created.pop(name, None)  # its folder may have the inode of an earlier one

    def delete(self, name: str) -> None:
        """Delete a collection. Requests that use it finish undisturbed; later ones do not find it."""
        self._identity(name)
        with self._opening_lock(name):
            self._identity(name)
            self._library.delete(name)
            self._retire(name)

    def close(self) -> None:
        """Close every collection; those in use when their last request ends."""
        with self._lock:
            self._closed = True
            names = list(self._entries)
        for name in names:
            self._retire(name)

    def _identity(self, name: str) -> Hashable:
        identity = self._library.identity(name) if _NAME.fullmatch(name) else None
        if identity is None:
            self._retire(name)
            raise unknown_collection(name)
        return identity

    def _borrow(self, name: str) -> _Entry:
        identity = self._identity(name)
        entry = self._take(name, identity)
        if entry is not None:
            return entry
        with self._opening_lock(name):
            identity = self._identity(name)
            entry = self._take(name, identity)
            if entry is None:
                self._retire(name)
                entry = _Entry(self._library.open(name), identity, users=1)
                self._keep(name, entry)
        self._shrink()
        return entry

    def _take(self, name: str, identity: Hashable) -> _Entry | None:
        with self._lock:
            entry = self._entries.get(name)
            if entry is None or entry.identity != identity:
                return None
            self._entries.move_to_end(name)
            entry.users += 1
            return entry

    def _keep(self, name: str, entry: _Entry) -> None:
        with self._lock:
            if self._closed:
                entry.retired = True
            else:
                self._entries[name] = entry

    def _return(self, entry: _Entry) -> None:
        with self._lock:
            entry.users -= 1
            last = entry.retired and entry.users == 0
        if last:
            entry.knowledge.close()

    def _retire(self, name: str) -> None:
        with self._lock:
            entry = self._entries.pop(name, None)
            if entry is None:
                return
            entry.retired = True
            unused = entry.users == 0
        if unused:
            entry.knowledge.close()

    def _shrink(self) -> None:
        with self._lock:
            surplus = len(self._entries) - self._limit
            idle = [name for name, entry in self._entries.items() if entry.users == 0][: max(surplus, 0)]
        for name in idle:
            self._retire(name)

    def _opening_lock(self, name: str) -> threading.Lock:
        """Return the lock for opening and deleting a collection. Only existing names get one."""
        with self._lock:
            return self._opening.setdefault(name, threading.Lock())
