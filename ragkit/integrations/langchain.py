"""A retriever for LangChain: `pip install 'ragkit[langchain]'`."""

from __future__ import annotations

from typing import Any

from ragkit.errors import MissingPackageError
from ragkit.integrations.fields import hit_fields, hit_id
from ragkit.types.hits import Hit

try:
    from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
    from langchain_core.documents import Document
    from langchain_core.retrievers import BaseRetriever
except ImportError as error:
    raise MissingPackageError(
        "langchain-core", purpose="the retriever for LangChain", install="'ragkit[langchain]'"
    ) from error


class RagkitRetriever(BaseRetriever):
    """Retrieves passages of a KnowledgeBase as LangChain documents.

    knowledge: the KnowledgeBase, or whatever has its `search` and `asearch`. k, where: as for `KnowledgeBase.search`.
    """

    knowledge: Any
    k: int | None = None
    where: dict[str, Any] | None = None

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:  # noqa: ARG002
        return [_document(hit) for hit in self.knowledge.search(query, k=self.k, where=self.where)]

    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun,  # noqa: ARG002
    ) -> list[Document]:
        return [_document(hit) for hit in await self.knowledge.asearch(query, k=self.k, where=self.where)]


def _document(hit: Hit) -> Document:
    return Document(id=hit_id(hit), page_content=hit.text, metadata=hit_fields(hit))
