"""The state that routes share: open collections, limits, errors as problems. The app factory makes it once."""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
from starlette.requests import Request

from ragkit import Document, KnowledgeBase, TextRanker
from ragkit_service.collection_pool import CollectionPool
from ragkit_service.errors import Problem, Teller
from ragkit_service.middleware.request_log import log_failure
from ragkit_service.security.access import Access
from ragkit_service.settings import ServiceSettings

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Extractor:
    """The reader of uploaded files. extract: raises ExtractionError, and may block for its time limit. version:
    recorded in the collection's history. close: frees the resources of extract."""

    version: str
    extract: Callable[[Path], Document]
    close: Callable[[], None] = lambda: None


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
        self, settings: ServiceSettings, *, pool: CollectionPool, teller: Teller, extractor: Extractor
    ) -> None:
        self.settings = settings
        self.pool = pool
        self.teller = teller
        self.extractor = extractor
        self.ranker = TextRanker(settings.settings, embedder=pool.embedder)
        self.readiness = Readiness()
        self.asking = anyio.CapacityLimiter(settings.limits.ask_threads)
        self.extracting = anyio.CapacityLimiter(settings.limits.readers)
        self.uploads = threading.BoundedSemaphore(settings.limits.uploads_at_once)

    def collections(self, access: Access) -> list[str]:
        """Return the names of the collections that a key may see."""
        return self.pool.names()

    def reading(self, access: Access, name: str) -> AbstractContextManager[KnowledgeBase]:
        """Lend a collection to a reader."""
        return self.pool.use(name)

    def require(self, access: Access, name: str, *, scope: str = "read") -> None:
        """Raise NotFoundError for a collection that is not there."""
        with self.pool.use(name):
            pass

    def tell(self, error: Exception, request: Request) -> Problem:
        """Log the part of an error that the response leaves out, and return the problem that the response reports."""
        log_failure(error, request.scope.get("request_id", ""))
        return self.teller.problem(error)

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
            self.readiness.model = self.teller.problem(error).title

    def check_collections(self) -> None:
        """Open the closed collections, as many as the pool keeps, and record those that fail."""
        problems: dict[str, str] = {}
        for name in self.pool.names()[: self.settings.limits.open_collections]:
            try:
                with self.pool.use(name):
                    pass
            except Exception as error:  # noqa: BLE001 - one bad collection must not hide the others
                problems[name] = self.teller.problem(error).title
        self.readiness.problems = problems


def service_of(request: Request) -> Service:
    """Return the service that a request came to."""
    service: Service = request.app.state.service
    return service
