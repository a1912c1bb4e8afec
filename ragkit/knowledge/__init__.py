"""The one place of wiring: a knowledge base that is written, searched and asked."""

from ragkit.knowledge.knowledge_base import KnowledgeBase, open  # noqa: A004 - as gzip.open

__all__ = ["KnowledgeBase", "open"]
