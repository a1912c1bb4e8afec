"""A retriever for LlamaIndex: `pip install 'ragkit[llama-index]'`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ragkit.errors import MissingPackageError
from ragkit.integrations.fields import Searchable, hit_fields, hit_id
from ragkit.types.hits import Hit

try:
    from llama_index.core.base.base_retriever import BaseRetriever
    from llama_index.core.schema import NodeRelationship, NodeWithScore, QueryBundle, RelatedNodeInfo, TextNode
except ImportError as error:
    raise MissingPackageError(
        "llama-index-core", purpose="the retriever for LlamaIndex", install="'ragkit[llama-index]'"
    ) from error

_SHOWN: Final = ("title", "heading", "page")


class RagkitRetriever(BaseRetriever):
    """Retrieves passages of a KnowledgeBase as nodes with scores.

    knowledge: the KnowledgeBase, or whatever has its `search` and `asearch`. k, where: as for `KnowledgeBase.search`.
    """

    def __init__(self, knowledge: Searchable, *, k: int | None = None, where: Mapping[str, Any] | None = None) -> None:
        self._knowledge = knowledge
        self._k = k
        self._where = where
        super().__init__()

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        hits = self._knowledge.search(query_bundle.query_str, k=self._k, where=self._where)
        return [_node(hit) for hit in hits]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        hits = await self._knowledge.asearch(query_bundle.query_str, k=self._k, where=self._where)
        return [_node(hit) for hit in hits]


def _node(hit: Hit) -> NodeWithScore:
    """Return a hit as a node. A prompt shows title, headings and page of it; embeddings see the text alone."""
    fields = hit_fields(hit)
    node = TextNode(
        id_=hit_id(hit),
        text=hit.text,
        metadata=fields,
        start_char_idx=hit.start,
        end_char_idx=hit.end,
        excluded_embed_metadata_keys=list(fields),
        excluded_llm_metadata_keys=[key for key in fields if key not in _SHOWN],
        relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=hit.source, hash=hit.sha256)},
    )
    return NodeWithScore(node=node, score=hit.score)
