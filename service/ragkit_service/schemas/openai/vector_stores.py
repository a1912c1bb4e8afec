"""Vector stores: the requests."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from ragkit_service.schemas.openai.chat import Lenient
from ragkit_service.schemas.openai.responses import RESULTS_LIMIT, RankingOptions
from ragkit_service.schemas.requests import Text, Where

QUERIES_LIMIT = 8


class StoreSearchRequest(Lenient):
    """A search in a vector store, which is a collection; several queries give the best passages of all."""

    query: Text | Annotated[list[Text], Field(min_length=1, max_length=QUERIES_LIMIT)]
    max_num_results: Annotated[int, Field(ge=1, le=RESULTS_LIMIT)] = 10
    filters: Where = None
    ranking_options: RankingOptions | None = None

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"query": "How long is the refund window?", "max_num_results": 5}]}
    )

    @property
    def queries(self) -> list[str]:
        """The queries."""
        return [self.query] if isinstance(self.query, str) else list(self.query)
