"""What a run of `ragkit eval answers` depends on besides its files: the collection's content, and the prompts."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ragkit.evaluation.answers.approaches import CLOSED_BOOK_RULES, template_key
from ragkit.evaluation.answers.judge import RULES, VERSION
from ragkit.knowledge.knowledge_base import KnowledgeBase
from ragkit.prompting.template import list_templates
from ragkit.tracking.digests import json_digest

_BETWEEN: Final = "#"


def present_prompts() -> dict[str, str]:
    """Return the instructions as they are now, by the name under which runs record them."""
    templates = {template_key(template): template.source for template in list_templates()}
    return {"closed-book": CLOSED_BOOK_RULES, f"judge v{VERSION}": RULES, **templates}


def collection_location(kb: KnowledgeBase) -> str:
    """Return where a collection is, as runs record it."""
    return f"{kb.path.resolve()}{_BETWEEN}{kb.collection}"


def collection_state(kb: KnowledgeBase) -> str:
    """Return a digest of a collection: its documents with their hashes, and the model of its vectors."""
    documents = sorted((info.source, info.sha256) for info in kb.documents())
    return json_digest({"documents": documents, "fingerprint": kb.status()["fingerprint"]})


def collection_digest(location: str) -> str:
    """Return the present digest of the collection at a recorded location. Raises NotFoundError where there is none."""
    data, _, name = location.rpartition(_BETWEEN)
    with KnowledgeBase(Path(data), collection=name, create=False) as kb:
        return collection_state(kb)
