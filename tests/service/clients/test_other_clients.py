"""Rerankers of Cohere and Jina, Dify's external knowledge API and Open WebUI's loader: the requests that they send."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

import ragkit
from ragkit import Document
from ragkit.testing import HashEmbedder
from ragkit_service.document_ids import source_of_id
from tests.support.live_service import KEY, WAIT, fill, live_service

TEXTS = [
    "The pump weighs 12.5 kg and has a warranty of two years.",
    "Our office is closed on Sundays.",
    "The refund window is thirty days after delivery.",
]
WITHOUT_OLD = {"new.md", "policies/refunds.md", "pump.md"}
OLD = {"team": "sales", "year": 2020, "stamp": 1.7e9, "version": "7", "day": "2024-02-29"}
NEW = {"team": "support", "year": 2026, "stamp": 1.8e9, "version": "8", "day": "2026-01-01"}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("data")
    fill(folder)
    dated = [
        Document.from_text(
            "old.md",
            "The tariff is 10 EUR.",
            metadata={"team": "sales", "year": 2020, "stamp": 1.7e9, "version": "7", "day": "2024-02-29"},
        ),
        Document.from_text(
            "new.md",
            "The tariff is 12 EUR.",
            metadata={"team": "support", "year": 2026, "stamp": 1.8e9, "version": "8", "day": "2026-01-01"},
        ),
    ]
    with ragkit.open(folder, embedder=HashEmbedder()) as knowledge:
        knowledge.add(dated)
    with live_service(folder) as address:
        yield address


def send(url: str, path: str, body: Any, key: str = f"Bearer {KEY}") -> httpx2.Response:
    headers = {"Authorization": key} if key else {}
    return httpx2.post(f"{url}{path}", json=body, headers=headers, timeout=WAIT)


# ----------------------------------------------------------------------- rerank


@pytest.mark.parametrize("shape", ["jina", "cohere"])
def test_texts_are_ranked_in_the_shape_of_both(url: str, shape: str) -> None:
    documents = [{"text": text} for text in TEXTS] if shape == "jina" else TEXTS
    body = {"model": "jina-reranker-v3", "query": "How long is the refund window?", "documents": documents, "top_n": 2}
    reply = send(url, "/v1/rerank", {**body, "return_documents": shape == "jina"}).json()

    results = reply["results"]
    assert results[0]["index"] == 2
    assert len(results) == 2
    scores = [result["relevance_score"] for result in results]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    if shape == "jina":
        assert results[0]["document"] == {"text": TEXTS[2]}
    else:
        assert "document" not in results[0]


def test_a_long_text_is_ranked_by_all_of_it(url: str) -> None:
    long = "Nothing to see here at all. " * 200 + "The refund window is thirty days."
    body = {"query": "refund window", "documents": ["Closed on Sundays.", long, ""]}
    results = send(url, "/v1/rerank", body).json()["results"]

    assert results[0]["index"] == 1
    assert {result["index"]: result["relevance_score"] for result in results}[2] == 0


@pytest.mark.parametrize("change", [{"documents": []}, {"query": " "}, {"top_n": 0}, {"documents": [1]}], ids=str)
def test_a_wrong_rerank_request_says_why(url: str, change: dict[str, Any]) -> None:
    response = send(url, "/v1/rerank", {"query": "refund", "documents": TEXTS, **change})
    assert response.status_code == 422
    assert response.json()["detail"]


# ------------------------------------------------------------------------- Dify


def ask_dify(url: str, **change: Any) -> httpx2.Response:
    setting = {"top_k": 3, "score_threshold": 0.0}
    body = {"knowledge_id": "default", "query": "How long is the refund window?", "retrieval_setting": setting}
    return send(url, "/retrieval", {**body, **change})


def test_dify_gets_records_with_their_place(url: str) -> None:
    records = ask_dify(url).json()["records"]

    first = records[0]
    assert set(first) == {"content", "score", "title", "metadata"}
    assert "thirty days" in first["content"]
    metadata = first["metadata"]
    assert source_of_id(metadata["document_id"]) == metadata["path"] == "policies/refunds.md"
    assert metadata["end"] - metadata["start"] == len(first["content"])
    assert None not in metadata.values()
    assert len(records) <= 3
    best = max(record["score"] for record in records)
    strict = ask_dify(url, retrieval_setting={"top_k": 3, "score_threshold": best}).json()["records"]
    assert [record["score"] for record in strict] == [best]


@pytest.mark.parametrize(
    ("conditions", "sources"),
    [
        ([{"name": ["team"], "comparison_operator": "is", "value": "sales"}], {"old.md"}),
        ([{"name": "year", "comparison_operator": "≥", "value": 2021}], {"new.md"}),
        ([{"name": ["team", "source"], "comparison_operator": "start with", "value": "sup"}], {"new.md"}),
        ([{"name": "source", "comparison_operator": "end with", "value": "ld.md"}], {"old.md"}),
        ([{"name": "team", "comparison_operator": "in", "value": ["sales", "x"]}], {"old.md"}),
        ([{"name": "team", "comparison_operator": "in", "value": "x, sales"}], {"old.md"}),
        ([{"name": "team", "comparison_operator": "not in", "value": "sales"}], WITHOUT_OLD),
        ([{"name": "year", "comparison_operator": "=", "value": "2020"}], {"old.md"}),
        ([{"name": "year", "comparison_operator": "=", "value": "2020.0"}], {"old.md"}),
        ([{"name": "year", "comparison_operator": "≠", "value": "2020"}], WITHOUT_OLD),
        ([{"name": "year", "comparison_operator": ">", "value": "2020"}], {"new.md"}),
        ([{"name": "year", "comparison_operator": "≤", "value": "2020"}], {"old.md"}),
        ([{"name": "year", "comparison_operator": "before", "value": "2026"}], {"old.md"}),
        ([{"name": "stamp", "comparison_operator": "after", "value": "1750000000"}], {"new.md"}),
        ([{"name": "stamp", "comparison_operator": "before", "value": 1750000000}], {"old.md"}),
        ([{"name": "version", "comparison_operator": "=", "value": "7"}], {"old.md"}),
        ([{"name": "version", "comparison_operator": ">", "value": "7"}], {"new.md"}),
        ([{"name": "day", "comparison_operator": "after", "value": "2025-06-01"}], {"new.md"}),
        ([{"name": "day", "comparison_operator": "before", "value": "2025"}], {"old.md"}),
    ],
    ids=lambda value: str(sorted(value) if isinstance(value, set) else value),
)
def test_dify_filters_by_metadata(url: str, conditions: list[dict[str, Any]], sources: set[str]) -> None:
    where = {"logical_operator": "and", "conditions": conditions}
    records = ask_dify(url, query="tariff", metadata_condition=where).json()["records"]
    assert {record["metadata"]["path"] for record in records} == sources


def test_dify_reads_its_own_error_codes(url: str) -> None:
    missing = ask_dify(url, knowledge_id="nowhere")
    assert (missing.status_code, missing.json()["error_code"]) == (404, 2001)
    wrong = send(url, "/retrieval", {}, key="Bearer wrong")
    assert (wrong.status_code, wrong.json()["error_code"]) == (401, 1002)
    for key in ("", "wrong", "Basic"):
        unformed = send(url, "/retrieval", {}, key=key)
        assert (unformed.status_code, unformed.json()["error_code"]) == (401, 1001)
    conditions = {"conditions": [{"name": "team", "comparison_operator": "empty"}]}
    refused = ask_dify(url, metadata_condition=conditions)
    assert (refused.status_code, refused.json()["error_code"]) == (422, 422)
    assert "comparison_operator" in refused.json()["error_msg"]


# ------------------------------------------------------------------- Open WebUI


def test_open_webui_uses_collections_as_models(url: str) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    models = httpx2.get(f"{url}/v1/models", headers=headers, timeout=WAIT).json()["data"]
    body = {
        "model": models[0]["id"],
        "messages": [{"role": "user", "content": "How long is the refund window?"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.8,
        "metadata": {"chat_id": "c1"},
        "features": {"web_search": False},
    }
    sent = send(url, "/v1/chat/completions", body).text.splitlines()
    lines = [line for line in sent if line and not line.startswith(":")]  # comments keep a slow answer alive

    assert all(line.startswith("data: ") for line in lines)
    assert lines[-1] == "data: [DONE]"
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]
    text = "".join(choice["delta"].get("content", "") for chunk in chunks for choice in chunk["choices"])
    assert "thirty days" in text
    assert chunks[-1]["usage"]["total_tokens"] > 0


def load(url: str, data: bytes, name: str, media_type: str) -> httpx2.Response:
    """Send a file as Open WebUI's ExternalDocumentLoader does."""
    headers = {"Content-Type": media_type, "Authorization": f"Bearer {KEY}", "X-Filename": quote(name)}
    return httpx2.put(f"{url}/process", content=data, headers=headers, timeout=WAIT)


def test_open_webui_loads_a_file_page_by_page(url: str) -> None:
    text = "Erste Seite über Pumpen.\fZweite Seite über Ventile."
    pages = load(url, text.encode(), "Handbuch für alle.txt", "text/plain").json()

    assert all(set(page) == {"page_content", "metadata"} for page in pages)
    assert "Pumpen" in pages[0]["page_content"]
    assert pages[0]["metadata"]["source"] == "Handbuch für alle.txt"
    assert "Ventile" in pages[-1]["page_content"]
    ends = [page["metadata"]["end"] for page in pages]
    assert [page["metadata"]["start"] for page in pages[1:]] == ends[:-1]


def test_open_webui_is_told_why_a_file_gives_no_text(url: str, tmp_path: Path) -> None:
    refused = load(url, bytes(range(256)) * 20, "a.bin", "application/octet-stream")
    assert refused.status_code == 422
    assert refused.json()["reason"] in {"binary", "unsupported"}
    assert load(url, b"text", "..", "text/plain").status_code == 422
    assert load(url, b"", "empty.txt", "text/plain").status_code == 422
