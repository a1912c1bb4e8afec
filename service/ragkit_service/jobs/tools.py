"""What the works of jobs share: the queue, the collections, the reader of files."""

from __future__ import annotations

from dataclasses import dataclass

from ragkit_service.collection_pool import CollectionPool
from ragkit_service.errors import Redactor
from ragkit_service.jobs.base import JobQueue
from ragkit_service.jobs.extractor import Extractor
from ragkit_service.settings import Limits


@dataclass(frozen=True, slots=True)
class Tools:
    """The resources of jobs. redactor: turns errors into problems for clients."""

    queue: JobQueue
    pool: CollectionPool
    extractor: Extractor
    redactor: Redactor
    limits: Limits
