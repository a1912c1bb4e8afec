"""A retriever for Haystack: `pip install 'ragkit[haystack]'`.

Haystack itself reports usage to its makers unless HAYSTACK_TELEMETRY_ENABLED=False is set; ragkit never does.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Final, Self

from ragkit.errors import ConfigError, FilterError, MissingPackageError
from ragkit.integrations.fields import Searchable, hit_fields, hit_id
from ragkit.types.hits import Hit, Hits

try:
    from haystack import Document, component, default_from_dict, default_to_dict
except ImportError as error:
    raise MissingPackageError(
        "haystack-ai", purpose="the retriever for Haystack", install="'ragkit[haystack]'"
    ) from error

_OPERATORS: Final = {
    "==": "eq",
    "!=": "ne",
    ">": "gt",
    ">=": "gte",
    "<": "lt",
    "<=": "lte",
    "in": "in",
    "not in": "nin",
}


@component
class RagkitRetriever:
    """Retrieves passages of a collection as Haystack documents.

    knowledge: the KnowledgeBase, or whatever has its `search` and `asearch`; without it, `collection` of the data
    folder `data` is opened at the first question, so that a pipeline can be saved and loaded (with
    `allowed_modules=["ragkit.integrations.haystack"]`). top_k: passages at most. filters: Haystack's, on `meta.KEY`;
    NOT is not supported.
    """

    def __init__(
        self,
        knowledge: Searchable | None = None,
        *,
        data: str = "",
        collection: str = "default",
        top_k: int | None = None,
        filters: dict[str, Any] | None = None,
    ) -> None:
        if knowledge is None and not data:
            raise ConfigError("the retriever has nothing to search", cure="pass knowledge=, or data= and collection=")
        self._knowledge = knowledge
        self._opening = threading.Lock()
        self.data = data
        self.collection = collection
        self.top_k = top_k
        self.filters = filters

    @component.output_types(documents=list[Document])
    def run(
        self, query: str, top_k: int | None = None, filters: dict[str, Any] | None = None
    ) -> dict[str, list[Document]]:
        """Return the passages that answer a query best; top_k and filters go before those of the constructor."""
        where = where_of(filters or self.filters)
        return _output(self._searched().search(query, k=top_k or self.top_k, where=where))

    @component.output_types(documents=list[Document])
    async def run_async(
        self, query: str, top_k: int | None = None, filters: dict[str, Any] | None = None
    ) -> dict[str, list[Document]]:
        """Return the same without blocking the event loop."""
        where = where_of(filters or self.filters)
        return _output(await self._searched().asearch(query, k=top_k or self.top_k, where=where))

    def to_dict(self) -> dict[str, Any]:
        """Return the component for a saved pipeline. Raises ConfigError for one that was made without `data`."""
        if not self.data:
            raise ConfigError("a retriever of an open KnowledgeBase cannot be saved", cure="pass data= and collection=")
        saved: dict[str, Any] = default_to_dict(
            self, data=self.data, collection=self.collection, top_k=self.top_k, filters=self.filters
        )
        return saved

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Return the component of a saved pipeline."""
        made: Self = default_from_dict(cls, data)
        return made

    def _searched(self) -> Searchable:
        with self._opening:
            if self._knowledge is None:
                import ragkit

                self._knowledge = ragkit.open(self.data, collection=self.collection, create=False)
            return self._knowledge


def where_of(filters: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return Haystack's filters as ragkit's. Raises FilterError for an operator that ragkit does not have."""
    if not filters:
        return None
    operator = str(filters.get("operator", ""))
    if operator in {"AND", "OR"}:
        return {"type": operator.lower(), "filters": [where_of(item) for item in filters.get("conditions", [])]}
    if operator not in _OPERATORS:
        raise FilterError(
            f"the operator {operator!r} is not supported", cure=f"use AND, OR or one of {', '.join(_OPERATORS)}"
        )
    key = str(filters.get("field", "")).removeprefix("meta.")
    return {"type": _OPERATORS[operator], "key": key, "value": filters.get("value")}


def _output(hits: Hits) -> dict[str, list[Document]]:
    return {"documents": [_document(hit) for hit in hits]}


def _document(hit: Hit) -> Document:
    return Document(id=hit_id(hit), content=hit.text, meta=hit_fields(hit), score=hit.score)
