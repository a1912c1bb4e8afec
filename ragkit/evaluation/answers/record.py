"""The inputs of `ragkit eval answers` besides files: the collection's content, and the prompts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from ragkit.chains.chain import Chain, load_chain
from ragkit.errors import RagkitError
from ragkit.evaluation.answers.approaches import CLOSED_BOOK_RULES, chain_key, template_key
from ragkit.evaluation.answers.judge import RULES, VERSION
from ragkit.knowledge.knowledge_base import KnowledgeBase
from ragkit.prompting.template import find_template, list_templates
from ragkit.tracking.digests import json_digest

_BETWEEN: Final = "#"
_SCHEME: Final = "://"


def present_prompts(recorded: Iterable[str]) -> dict[str, str]:
    """Return the instructions as they are now, by the name under which runs record them.

    recorded: the names of a run's prompts; templates that are files and chains among them are read, and left out if
    they cannot be.
    """
    templates = list_templates()
    chains: list[Chain] = []
    shipped = {template_key(template) for template in templates}
    for name in recorded:
        kind, _, path = name.partition(" ")
        try:
            if kind == "template" and name not in shipped:
                templates.append(find_template(path))
            elif kind == "chain":
                chains.append(load_chain(path))
        except RagkitError:
            continue
    found = {template_key(template): template.source for template in templates}
    found |= {chain_key(chain): chain.definition.source for chain in chains}
    return {"closed-book": CLOSED_BOOK_RULES, f"judge v{VERSION}": RULES, **found}


def collection_location(kb: KnowledgeBase) -> str:
    """Return where a collection is, as runs record it."""
    place = kb.location if _SCHEME in kb.location else str(kb.path.resolve())
    return f"{place}{_BETWEEN}{kb.collection}"


def collection_state(kb: KnowledgeBase) -> str:
    """Return a digest of a collection: its documents with their hashes, and the model of its vectors."""
    documents = sorted((info.source, info.sha256) for info in kb.documents())
    return json_digest({"documents": documents, "fingerprint": kb.status()["fingerprint"]})


def collection_digest(location: str) -> str:
    """Return the present digest of the collection at a recorded location. Raises NotFoundError where there is none."""
    data, _, name = location.rpartition(_BETWEEN)
    with KnowledgeBase(data if _SCHEME in data else Path(data), collection=name, create=False) as kb:
        return collection_state(kb)
