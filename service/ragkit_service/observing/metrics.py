"""Counts and durations in Prometheus' text format, by the package prometheus-client."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from ragkit_service.observing.records import RequestRecord

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
SHARED_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
"""prometheus-client's own variable: the folder in which several server processes keep their counts together."""

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SECONDS: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_TOKENS: Final = {"total": "prompt", "answer": "answer", "reasoning": "reasoning"}


@dataclass(frozen=True, slots=True)
class Gauge:
    """A value that is read at each scrape; it is that of the process that answers."""

    name: str
    meaning: str
    read: Callable[[], float]


def is_installed() -> bool:
    """Return whether prometheus-client is installed."""
    return find_spec("prometheus_client") is not None


class Metrics:
    """Counts the requests that have ended. No label is free text, so the number of series is bounded."""

    def __init__(self, gauges: Sequence[Gauge]) -> None:
        from prometheus_client import CollectorRegistry, Counter, Histogram

        self._counts = CollectorRegistry()
        self._gauges = CollectorRegistry()
        self._gauges.register(_Gauges(gauges))
        own: Any = {"registry": self._counts}
        self._requests = Counter(
            "ragkit_http_requests", "Requests that have ended.", ["method", "route", "status"], **own
        )
        self._seconds = Histogram(
            "ragkit_http_request_seconds",
            "Seconds from a request's head to the end of its response.",
            ["route"],
            buckets=_SECONDS,
            **own,
        )
        self._searches = Counter("ragkit_searches", "Searches, by whether they found a passage.", ["found"], **own)
        self._hits = Counter("ragkit_hits", "Passages that searches found.", **own)
        self._answers = Counter("ragkit_answers", "Answers by status; `abstained` is one of them.", ["status"], **own)
        self._tokens = Counter("ragkit_tokens", "Tokens of prompts and of answers.", ["part"], **own)

    def __call__(self, record: RequestRecord) -> None:
        """Count a request."""
        method = record.method if record.method in _METHODS else "other"
        route = record.route or "none"
        self._requests.labels(method, route, str(record.status)).inc()
        self._seconds.labels(route).observe(record.seconds)
        for count in record.notes.hits:
            self._searches.labels("yes" if count else "no").inc()
            self._hits.inc(count)
        for status, tokens in record.notes.answers:
            self._answers.labels(status).inc()
            for name, part in _TOKENS.items():
                self._tokens.labels(part).inc(tokens.get(name, 0))

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format; counts are those of all server processes."""
        from prometheus_client import generate_latest

        return generate_latest(self._all_counts()) + generate_latest(self._gauges)

    def _all_counts(self) -> CollectorRegistry:
        if not os.environ.get(SHARED_FOLDER):
            return self._counts
        from prometheus_client import CollectorRegistry
        from prometheus_client.multiprocess import MultiProcessCollector

        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the package types it in part
        return registry


class _Gauges:
    """A collector of prometheus-client over gauges."""

    def __init__(self, gauges: Sequence[Gauge]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterator[Any]:
        from prometheus_client.core import GaugeMetricFamily

        for gauge in self._gauges:
            yield GaugeMetricFamily(gauge.name, gauge.meaning, value=gauge.read())
