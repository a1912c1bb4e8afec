"""The retrievers for LangChain, LlamaIndex and Haystack with the real packages: each field in its place."""

from __future__ import annotations

import asyncio
import importlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ragkit
from ragkit import Document, FilterError, Hit, KnowledgeBase, MissingPackageError, Page
from ragkit.testing import HashEmbedder

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"
os.environ["LANGSMITH_TRACING"] = "false"

QUESTION = "How long is the refund window?"
FRAMEWORKS = {"langchain": "langchain_core", "llama_index": "llama_index.core", "haystack": "haystack"}
INSTALL = "pip install -e '.[test-frameworks]'"
pytestmark = pytest.mark.filterwarnings("ignore")  # what the frameworks warn of themselves


@pytest.fixture(scope="module")
def knowledge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeBase]:
    first = "Our shop sells pumps.\n\n"
    text = f"{first}The refund window is thirty days after delivery."
    manual = Document(
        source="manual.pdf",
        text=text,
        title="Manual",
        media_type="application/pdf",
        pages=(Page(0, "i"), Page(len(first), "ii")),
        metadata={"team": "sales", "year": 2026, "page": 99, "source": "forged"},
    )
    other = Document.from_text("pump.md", "The warranty of the pump is two years.", metadata={"team": "support"})
    with ragkit.open(tmp_path_factory.mktemp("data"), embedder=HashEmbedder()) as opened:
        opened.add([manual, other])
        yield opened


@pytest.fixture(scope="module")
def hit(knowledge: KnowledgeBase) -> Hit:
    return knowledge.search(QUESTION, k=1)[0]


def adapter(name: str) -> Any:
    pytest.importorskip(FRAMEWORKS[name], reason=f"{name} is not installed: {INSTALL}")
    return importlib.import_module(f"ragkit.integrations.{name}")


def check_fields(fields: dict[str, Any], hit: Hit) -> None:
    """Check that a passage's place and scores are ragkit's, whatever the document's own metadata says."""
    assert (fields["source"], fields["page"], fields["page_label"]) == (hit.source, hit.page, hit.page_label)
    assert (fields["start"], fields["end"], fields["sha256"]) == (hit.start, hit.end, hit.sha256)
    assert fields["score"] == hit.score
    assert set(fields["scores"]) == set(hit.scores)
    assert fields["team"] == "sales"


def test_langchain_gets_documents(knowledge: KnowledgeBase, hit: Hit) -> None:
    retriever = adapter("langchain").RagkitRetriever(knowledge=knowledge, k=1)
    (document,) = retriever.invoke(QUESTION)
    (later,) = asyncio.run(retriever.ainvoke(QUESTION))

    assert document.page_content == hit.text
    assert document == later
    check_fields(document.metadata, hit)


def test_langchain_chains_and_filters(knowledge: KnowledgeBase) -> None:
    where = {"type": "eq", "key": "team", "value": "support"}
    retriever = adapter("langchain").RagkitRetriever(knowledge=knowledge, where=where)
    chain = retriever | (lambda documents: [document.metadata["source"] for document in documents])
    assert chain.invoke(QUESTION) == ["pump.md"]


def test_llama_index_gets_nodes_with_scores(knowledge: KnowledgeBase, hit: Hit) -> None:
    retriever = adapter("llama_index").RagkitRetriever(knowledge, k=1)
    (found,) = retriever.retrieve(QUESTION)
    (later,) = asyncio.run(retriever.aretrieve(QUESTION))

    assert found.score == later.score == hit.score
    assert (found.node.start_char_idx, found.node.end_char_idx) == (hit.start, hit.end)
    assert found.node.text == hit.text
    assert found.node.ref_doc_id == "manual.pdf"
    assert found.node.node_id == later.node.node_id
    check_fields(found.node.metadata, hit)
    from llama_index.core.schema import MetadataMode

    shown = found.node.get_content(MetadataMode.LLM)
    assert "Manual" in shown
    assert hit.sha256 not in shown
    assert found.node.get_content(MetadataMode.EMBED) == hit.text


def test_haystack_gets_documents_in_a_pipeline(knowledge: KnowledgeBase, hit: Hit) -> None:
    module = adapter("haystack")
    from haystack import Pipeline

    pipeline = Pipeline()
    pipeline.add_component("retriever", module.RagkitRetriever(knowledge, top_k=1))
    (document,) = pipeline.run({"retriever": {"query": QUESTION}})["retriever"]["documents"]
    retriever = module.RagkitRetriever(knowledge)
    (later,) = asyncio.run(retriever.run_async(QUESTION, top_k=1))["documents"]

    assert (document.content, document.score) == (hit.text, hit.score)
    assert document.id == later.id
    check_fields(document.meta, hit)


def test_haystack_filters_are_translated(knowledge: KnowledgeBase) -> None:
    retriever = adapter("haystack").RagkitRetriever(knowledge)
    team = {"field": "meta.team", "operator": "in", "value": ["sales", "x"]}
    year = {"field": "meta.year", "operator": ">=", "value": 2026}
    found = retriever.run(QUESTION, filters={"operator": "AND", "conditions": [team, year]})["documents"]

    assert {document.meta["source"] for document in found} == {"manual.pdf"}
    with pytest.raises(FilterError, match="NOT"):
        retriever.run(QUESTION, filters={"operator": "NOT", "conditions": [team]})


def test_a_haystack_pipeline_can_be_saved_and_loaded(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    module = adapter("haystack")
    from haystack import Pipeline

    pipeline = Pipeline()
    pipeline.add_component("retriever", module.RagkitRetriever(data=str(knowledge.path), top_k=3))
    loaded = Pipeline.loads(pipeline.dumps(), allowed_modules=["ragkit.integrations.haystack"])
    retriever = loaded.get_component("retriever")
    assert (retriever.data, retriever.collection, retriever.top_k) == (str(knowledge.path), "default", 3)
    with pytest.raises(ragkit.ConfigError, match="cannot be saved"):
        module.RagkitRetriever(knowledge).to_dict()
    with pytest.raises(ragkit.ConfigError, match="nothing to search"):
        module.RagkitRetriever()


@pytest.mark.parametrize("name", sorted(FRAMEWORKS))
def test_a_missing_framework_names_its_package(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    root = FRAMEWORKS[name].partition(".")[0]
    for module in [key for key in sys.modules if key == root or key.startswith((f"{root}.", "ragkit.integrations."))]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, root, None)
    with pytest.raises(MissingPackageError, match=rf"ragkit\[{name.replace('_', '-')}\]"):
        importlib.import_module(f"ragkit.integrations.{name}")
