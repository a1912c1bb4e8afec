"""`/v1/vector_stores`: a collection, as OpenAI's clients see a vector store; its id is the collection's name."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from ragkit_service.context import service_of
from ragkit_service.json_response import json_response
from ragkit_service.routes.openai.search_results import merged, search_result
from ragkit_service.routes.openapi import openai_errors
from ragkit_service.schemas.openai.replies import SearchPage
from ragkit_service.schemas.openai.vector_stores import StoreSearchRequest
from ragkit_service.security.access import access_of

router = APIRouter(prefix="/v1/vector_stores", tags=["openai"])


@router.post("/{store}/search", response_model=SearchPage, responses=openai_errors(404, 409, 415, 503))
def search_store(request: Request, store: str, body: StoreSearchRequest) -> Response:
    """Find passages in a collection."""
    most = body.max_num_results
    with service_of(request).reading(access_of(request), store) as knowledge:
        found = [knowledge.search(query, k=most, where=body.filters) for query in body.queries]
    least = body.ranking_options.score_threshold if body.ranking_options else 0.0
    hits = merged(found, least=least, most=most)
    payload = {
        "object": "vector_store.search_results.page",
        "search_query": body.queries,
        "data": [search_result(request, store, hit) for hit in hits],
        "has_more": False,
        "next_page": None,
    }
    return json_response(payload)
