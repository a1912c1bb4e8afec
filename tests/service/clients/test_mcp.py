"""The tools of the Model Context Protocol through its official client: over HTTP against a real server, over stdio."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

import ragkit
from ragkit import Document
from ragkit.testing import HashEmbedder
from tests.support.live_service import KEY, WAIT, fill, live_service

mcp = pytest.importorskip("mcp", reason="the package mcp is not installed: pip install 'ragkit[mcp]'")

ROOT = Path(__file__).parents[3]
QUESTION = "How long is the refund window?"
LONG = "Filler about nothing at all. " * 3_000 + "\n\nThe quokka sleeps at noon.\n\n" + "More filler text. " * 3_000


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    fill(folder)
    with ragkit.open(folder, collection="zoo", embedder=HashEmbedder()) as knowledge:
        knowledge.add(Document.from_text("animals/quokka.md", LONG, title="Quokka", metadata={"keeper": "Ann"}))
    return folder


@pytest.fixture(scope="module")
def url(data: Path) -> Iterator[str]:
    with live_service(data) as address:
        yield address


def over_http(url: str, use: Callable[[Any], Coroutine[Any, Any, Any]], key: str = KEY) -> Any:
    async def run() -> Any:
        from mcp.client.streamable_http import streamable_http_client

        headers = {"Authorization": f"Bearer {key}"}
        async with httpx2.AsyncClient(headers=headers, timeout=WAIT) as http:
            transport = streamable_http_client(f"{url}/mcp", http_client=http)
            async with mcp.Client(transport) as client:
                return await use(client)

    return asyncio.run(run())


def call(url: str, name: str, **arguments: Any) -> Any:
    return over_http(url, lambda client: client.call_tool(name, arguments))


def content(result: Any) -> Any:
    """Return the structured content; the text is the same JSON."""
    assert not result.is_error, result.content
    (part,) = result.content
    assert json.loads(part.text) == result.structured_content
    return result.structured_content


def test_the_tools_only_read(url: str) -> None:
    listed = over_http(url, lambda client: client.list_tools())

    tools = {tool.name: tool for tool in listed.tools}
    assert set(tools) == {"search", "fetch", "ask", "list_documents"}
    assert all(tool.annotations.read_only_hint for tool in tools.values())
    assert all(tool.output_schema["type"] == "object" for tool in tools.values())
    assert tools["search"].input_schema["required"] == ["query"]
    assert tools["fetch"].input_schema["required"] == ["id"]


def test_what_search_finds_fetch_reads(url: str) -> None:
    async def use(client: Any) -> tuple[Any, Any]:
        found = content(await client.call_tool("search", {"query": QUESTION, "collection": "default"}))
        return found, content(await client.call_tool("fetch", {"id": found["results"][0]["id"]}))

    found, fetched = over_http(url, use)
    first = found["results"][0]
    assert {"id", "title", "url"} <= set(first)
    assert "thirty days" in first["text"]
    assert set(fetched) == {"id", "title", "text", "url", "metadata"}
    assert fetched["url"] == first["url"]
    assert "Opened goods are exchanged" in fetched["text"]
    assert fetched["metadata"]["source"] == "policies/refunds.md"
    assert fetched["metadata"]["whole"] is True
    documents = [(result["id"].partition("@")[0]) for result in found["results"]]
    assert len(documents) == len(set(documents))


def test_without_a_collection_all_are_searched(url: str) -> None:
    found = content(call(url, "search", query="refund window of the quokka"))["results"]
    assert {result["id"].partition("/")[0] for result in found} == {"default", "zoo"}
    assert len(content(call(url, "search", query="refund window of the quokka", k=1))["results"]) == 1


def test_a_long_document_is_cut_around_the_passage_and_says_so(url: str, data: Path) -> None:
    result = content(call(url, "search", query="When does the quokka sleep?", collection="zoo"))["results"][0]
    fetched = content(call(url, "fetch", id=result["id"]))

    assert "The quokka sleeps at noon." in fetched["text"]
    metadata = fetched["metadata"]
    assert (metadata["whole"], metadata["keeper"], metadata["characters"]) == (False, "Ann", len(LONG))
    with ragkit.open(data, collection="zoo", embedder=HashEmbedder()) as knowledge:
        text = knowledge.document("animals/quokka.md").text
    assert fetched["text"] == text[metadata["start"] : metadata["end"]]


def test_ask_answers_with_checked_citations(url: str) -> None:
    said = content(call(url, "ask", question=QUESTION, collection="default"))

    assert "thirty days" in said["answer"]
    assert said["status"] == "answered"
    assert said["citations"][0]["url"].startswith(f"{url}/v1/collections/default/documents/")


def test_documents_are_listed_a_page_at_a_time(url: str) -> None:
    first = content(call(url, "list_documents", collection="default", limit=1))
    rest = content(call(url, "list_documents", collection="default", limit=1, offset=first["next_offset"]))
    below = content(call(url, "list_documents", collection="default", prefix="policies/"))

    sources = [page["documents"][0]["source"] for page in (first, rest)]
    assert sources == ["policies/refunds.md", "pump.md"]
    assert rest["next_offset"] is None
    assert [item["source"] for item in below["documents"]] == ["policies/refunds.md"]
    assert "Opened goods" in content(call(url, "fetch", id=below["documents"][0]["id"]))["text"]


@pytest.mark.parametrize(
    ("tool", "arguments", "says"),
    [
        ("fetch", {"id": "default/d_bm93aGVyZQ"}, "no document"),
        ("fetch", {"id": "../../etc/passwd"}, "no document"),
        ("fetch", {"id": "nonsense"}, "no id"),
        ("fetch", {"id": "default/d_bm93aGVyZQ@a-b"}, "no id"),
        ("search", {"query": ""}, "query"),
        ("search", {"query": "x", "collection": "nowhere"}, "no collection"),
        ("search", {"query": "x", "k": 0}, "k"),
        ("ask", {"question": "x"}, "name one with"),
        ("ask", {}, "question"),
        ("delete", {}, "no tool"),
    ],
    ids=str,
)
def test_a_wrong_call_is_an_error_that_says_the_cure(url: str, tool: str, arguments: dict[str, Any], says: str) -> None:
    async def use(client: Any) -> Any:
        return await client.session.call_tool(tool, arguments)

    result = over_http(url, use)
    assert result.is_error
    assert says in result.content[0].text


def test_without_the_key_nothing_is_told(url: str) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    headers = {"Accept": "application/json, text/event-stream"}
    assert httpx2.post(f"{url}/mcp", json=body, headers=headers, timeout=WAIT).status_code == 401


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "PUT"])
def test_no_stream_is_kept_open_for_messages_that_never_come(url: str, method: str) -> None:
    headers = {"Authorization": f"Bearer {KEY}", "Accept": "text/event-stream"}
    answer = httpx2.request(method, f"{url}/mcp", headers=headers, timeout=WAIT)

    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_over_stdio_the_same_tools_answer(data: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from ragkit import Settings; from ragkit.testing import HashEmbedder\n"
        "from ragkit_service.collection_pool import DataFolder; from ragkit_service.mcp.stdio import run_stdio\n"
        "data = Path(sys.argv[1]); library = DataFolder(data, settings=Settings(), embedder=HashEmbedder())\n"
        "run_stdio(data, settings=Settings(), collections=['default'], library=library)"
    )
    path = os.pathsep.join(str(ROOT / part) for part in (".", "service", "ingest"))
    told = mcp.StdioServerParameters(
        command=sys.executable, args=["-c", code, str(data)], env={**os.environ, "PYTHONPATH": path}
    )

    async def run() -> tuple[Any, Any]:
        async with mcp.Client(mcp.stdio_client(told)) as client:
            found = content(await client.call_tool("search", {"query": QUESTION}))
            return found, await client.session.call_tool("search", {"query": "quokka", "collection": "zoo"})

    found, refused = asyncio.run(run())
    assert found["results"][0]["url"].startswith("ragkit://default/d_")
    assert refused.is_error


def test_the_command_is_there_and_names_the_package_that_it_needs() -> None:
    from click.testing import CliRunner

    from ragkit_service.cli import mcp as command

    help_text = CliRunner().invoke(command, ["--help"]).output
    assert "ragkit[mcp]" in help_text
