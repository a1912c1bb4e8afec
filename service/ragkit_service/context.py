"""The state that routes share: collections with the sender's rights, jobs, limits, errors. Made once for an app."""

from __future__ import annotations

import gc
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio
from starlette.requests import Request

from ragkit import NotFoundError, SharedDatabase, TextRanker
from ragkit_service.collection_pool import CollectionPool, unknown_collection
from ragkit_service.ending import Ending
from ragkit_service.errors import Problem, Redactor
from ragkit_service.jobs.board import JobBoard
from ragkit_service.jobs.extractor import LazyExtractor
from ragkit_service.jobs.types import Job
from ragkit_service.listings.page_ends import PageEnds
from ragkit_service.middleware.request_log import log_failure
from ragkit_service.observing.records import note_collection
from ragkit_service.page_pictures import PagePictures
from ragkit_service.security.access import Access, Scope
from ragkit_service.settings import ServiceSettings
from ragkit_service.uploads import too_many_uploads

if TYPE_CHECKING:
    from ragkit import KnowledgeView

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Readiness:
    """Whether the service can answer: the state of the model, and the problems of collections by name."""

    model: str = "loading"
    problems: dict[str, str] = field(default_factory=dict)

    @property
    def ready(self) -> bool:
        """True once the model is loaded."""
        return self.model == "ready"


class Service:
    """The parts of one running service."""

    def __init__(
        self,
        settings: ServiceSettings,
        *,
        pool: CollectionPool,
        redactor: Redactor,
        jobs: JobBoard,
        extractor: LazyExtractor,
        database: SharedDatabase | None = None,
    ) -> None:
        """database: of a shared store, None for a data folder."""
        self.settings = settings
        self.database = database
        self.pool = pool
        self.redactor = redactor
        self.jobs = jobs
        self.extractor = extractor
        self.ranker = TextRanker(settings.settings, embedder=pool.embedder)
        self.pictures = PagePictures(settings.limits)
        self.page_ends = PageEnds()
        self.readiness = Readiness()
        self.ending = Ending(settings.limits.ending_seconds)
        self.asking = anyio.CapacityLimiter(settings.limits.ask_threads)
        self.extracting = anyio.CapacityLimiter(settings.limits.readers)
        self.uploads = anyio.CapacityLimiter(settings.limits.uploads_at_once)

    # ------------------------------------------------------------------ collections, as a key sees them

    def collections(self, access: Access) -> list[str]:
        """Return the names of the collections that belong to a key. Raises a 403 without the scope read or write."""
        if not access.has("write"):
            access.check("read")
        return [name for name in self.pool.names() if access.covers(name)]

    def require(self, access: Access, name: str, scope: Scope) -> None:
        """Raise a 404 unless the collection exists and belongs to the key, then a 403 when the scope is missing.

        The collection of another team is the same 404 as one that is not there, and takes the same time.
        """
        self._covers(access, name)
        self.pool.check(name)
        access.check(scope)

    def require_all_labels(self, access: Access, name: str, *, what: str) -> None:
        """Raise as `require` does for "write", and a 403 when the key sees only documents with its labels.

        what: the kind of thing that quotes documents of every label, for the message.
        """
        self.require(access, name, "write")
        if access.labels is not None:
            raise Problem(
                403,
                "labels",
                "The key may not do this",
                f"{what} quote documents that this key's labels do not cover",
                cure="use a key without labels",
            )

    def may_make(self, access: Access, name: str) -> bool:
        """Return whether an upload may create this collection: by the settings, its name, and the key."""
        note_collection(name)
        if not self.settings.create_collections or not access.covers(name):
            return False
        access.check("write")
        return self.pool.is_name(name)

    @contextmanager
    def reading(self, access: Access, name: str) -> Iterator[KnowledgeView]:
        """Lend a collection as the key sees it; it is opened when it is not open. Blocks: not for the event loop."""
        self._covers(access, name)
        with self.pool.use(name) as knowledge:
            access.check("read")
            yield knowledge.view(access.labels)

    @contextmanager
    def reading_open(self, access: Access, name: str) -> Iterator[KnowledgeView | None]:
        """Lend a collection as the key sees it if it is open already, else None: never waits."""
        self._covers(access, name)
        with self.pool.use_open(name) as knowledge:
            access.check("read")
            yield None if knowledge is None else knowledge.view(access.labels)

    def may_cancel(self, access: Access, job: Job) -> None:
        """Raise a 403 unless the sender may write, which its own jobs need too."""
        if not self._is_own(access, job):
            access.check("write")

    @staticmethod
    def _is_own(access: Access, job: Job) -> bool:
        return bool(access.key_id) and access.key_id == job.key_id

    def _covers(self, access: Access, name: str) -> None:
        note_collection(name)
        if not access.covers(name):
            raise unknown_collection(name)

    @asynccontextmanager
    async def upload_slot(self) -> AsyncIterator[None]:
        """Let one upload be received: it waits for its turn, first in, first out; a 503 when that takes too long."""
        upload = object()
        with anyio.move_on_after(self.settings.limits.upload_queue_seconds) as waiting:
            await self.uploads.acquire_on_behalf_of(upload)
        if waiting.cancelled_caught:
            raise too_many_uploads()
        try:
            yield
        finally:
            self.uploads.release_on_behalf_of(upload)

    # ------------------------------------------------------------------ errors and readiness

    def problem_of(self, error: Exception, request: Request) -> Problem:
        """Log the internal details of an error, and return the problem for the response."""
        log_failure(error, request.scope.get("request_id", ""))
        return self.redactor.problem(error)

    def warm(self) -> None:
        """Load the model, then open every collection, as far as they can be; a failure is logged and reported by
        /readyz. It runs in the background."""
        try:
            self.pool.warm()
            self.readiness.model = "ready"
            self.check_collections()
            gc.collect()
            gc.freeze()  # loaded objects stay: collecting them again and again would delay requests
        except Exception as error:  # noqa: BLE001 - the edge of a thread: reported by /readyz and by each request
            logger.warning("the service cannot answer yet: %s", error)
            self.readiness.model = self.redactor.problem(error).title

    def check_collections(self) -> None:
        """Open the closed collections, as many as the pool keeps, and record those that fail."""
        problems: dict[str, str] = {}
        for name in self.pool.names()[: self.settings.limits.open_collections]:
            try:
                with self.pool.use(name):
                    pass
            except NotFoundError:
                continue  # it was deleted in between
            except Exception as error:  # noqa: BLE001 - one bad collection must not hide the others
                problems[name] = self.redactor.problem(error).title
        self.readiness.problems = problems


def service_of(request: Request) -> Service:
    """Return the service that a request came to."""
    service: Service = request.app.state.service
    return service
