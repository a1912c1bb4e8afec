"""The Responses API and search in vector stores through OpenAI's own client, against a real server on loopback."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

import ragkit
from ragkit import Document
from ragkit.testing import CutChat, FakeChat, HashEmbedder
from ragkit_service.document_ids import source_of_id
from tests.support.live_service import KEY, WAIT, fill, live_service

openai = pytest.importorskip("openai", reason="the official client is not installed: pip install 'ragkit[openai]'")

QUESTION = "How long is the refund window?"
SEARCH = [{"type": "file_search", "vector_store_ids": ["default"], "max_num_results": 3}]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    fill(folder)
    metadata = {f"key{number:02}": number for number in range(20)}
    tagged = Document.from_text("tagged.md", "The tagged widget is green.", metadata={**metadata, "team": "sales"})
    with ragkit.open(folder, embedder=HashEmbedder()) as knowledge:
        knowledge.add(tagged)
    return folder


def test_a_response_has_the_search_and_a_message_with_file_citations(client: Any) -> None:
    response = client.responses.create(
        model="ragkit/empty", input=QUESTION, tools=SEARCH, include=["file_search_call.results"]
    )

    search, message = response.output
    assert (search.type, search.status, search.queries) == ("file_search_call", "completed", [QUESTION])
    assert search.results[0].filename == "policies/refunds.md"
    assert "thirty days" in search.results[0].text
    assert "thirty days" in response.output_text
    (part,) = message.content
    citation = part.annotations[0]
    assert (citation.type, citation.filename) == ("file_citation", "policies/refunds.md")
    assert source_of_id(citation.file_id) == citation.filename
    assert part.text[citation.index :].startswith("[1]")
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens
    assert response.status == "completed"


def test_without_a_tool_the_model_names_the_collection_and_results_are_left_out(client: Any) -> None:
    response = client.responses.create(model="ragkit/default", input="How heavy is the pump?")

    assert response.output[0].results is None
    assert "12.5 kg" in response.output_text


def test_a_streamed_response_is_the_whole_one_in_events(client: Any) -> None:
    with client.responses.stream(model="ragkit/default", input=QUESTION) as stream:
        events = list(stream)
        final = stream.get_final_response()

    kinds = [event.type for event in events]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] == "response.completed"
    assert kinds.index("response.file_search_call.completed") < kinds.index("response.output_text.delta")
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(deltas) == final.output_text
    assert "thirty days" in final.output_text
    numbers = [event.sequence_number for event in events]
    assert numbers == sorted(set(numbers))
    added = [event.annotation for event in events if event.type == "response.output_text.annotation.added"]
    assert len(added) == len(final.output[1].content[0].annotations) > 0


def test_the_async_client_streams_and_history_and_instructions_reach_the_model(data: Path) -> None:
    chat = FakeChat("Two years [1].")
    turns = [
        {"role": "user", "content": "Tell me about the pump."},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "It weighs 12.5 kg."}]},
        {"type": "file_search_call", "id": "fs_1", "queries": ["pump"], "status": "completed"},
        {"role": "user", "content": [{"type": "input_text", "text": "How long is its warranty?"}]},
    ]

    async def run(address: str) -> str:
        async with openai.AsyncOpenAI(base_url=f"{address}/v1", api_key=KEY, timeout=WAIT) as client:
            stream = await client.responses.create(
                model="ragkit/default", input=turns, instructions="Be brief.", stream=True
            )
            return "".join([event.delta async for event in stream if event.type == "response.output_text.delta"])

    with live_service(data, chat=chat) as address:
        assert asyncio.run(run(address)) == "Two years [1]."
    system, *history, last = chat.prompts[-1].messages
    assert system.content.startswith("Be brief.")
    assert [message.content for message in history] == ["Tell me about the pump.", "It weighs 12.5 kg."]
    assert "How long is its warranty?" in last.content


def test_a_response_that_is_cut_has_failed_and_never_completes(data: Path) -> None:
    with (
        live_service(data, chat=CutChat("The refund window is thirty days after delivery. ")) as address,
        openai.OpenAI(base_url=f"{address}/v1", api_key=KEY, max_retries=0) as client,
    ):
        events = list(client.responses.create(model="ragkit/default", input=QUESTION, stream=True))

    assert events[-1].type == "response.failed"
    assert events[-1].response.error.code == "server_error"
    assert "response.completed" not in [event.type for event in events]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"model": "ragkit/nowhere"}, 404),
        ({"tools": [{"type": "file_search", "vector_store_ids": ["nowhere"]}]}, 404),
        ({"tools": [{"type": "file_search", "vector_store_ids": ["default", "empty"]}]}, 400),
        ({"tools": [{"type": "web_search"}]}, 400),
        ({"input": []}, 400),
        ({"input": [{"type": "file_search_call", "id": "fs_1"}]}, 400),
        ({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "x"}]}]}, 400),
        ({"previous_response_id": "resp_1"}, 400),
    ],
    ids=str,
)
def test_what_is_not_served_is_refused_in_openais_shape(client: Any, change: dict[str, Any], status: int) -> None:
    with pytest.raises(openai.APIStatusError) as raised:
        client.responses.create(**{"model": "ragkit/default", "input": QUESTION, **change})

    assert raised.value.status_code == status
    assert raised.value.body["message"]


def test_a_store_is_searched_with_all_five_fields_and_the_place_in_attributes(client: Any, data: Path) -> None:
    page = client.vector_stores.search("default", query=QUESTION, max_num_results=2)

    (first, *_) = page.data
    assert page.search_query == [QUESTION]
    assert len(page.data) <= 2
    assert source_of_id(first.file_id) == first.filename == "policies/refunds.md"
    assert 0 < first.score <= 1
    (content,) = first.content
    with ragkit.open(data, embedder=HashEmbedder()) as knowledge:
        document = knowledge.document(first.filename)
    start, end = int(first.attributes["start"]), int(first.attributes["end"])
    assert document.text[start:end] == content.text
    assert first.attributes["sha256"] == document.sha256
    assert first.attributes["url"].endswith(f"#{start}-{end}")


def test_filters_thresholds_and_several_queries(client: Any) -> None:
    where = {"type": "eq", "key": "team", "value": "sales"}
    tagged = client.vector_stores.search("default", query="widget", filters=where)
    assert {result.filename for result in tagged.data} == {"tagged.md"}
    assert len(tagged.data[0].attributes) <= 16
    assert tagged.data[0].attributes["metadata_omitted"] > 0

    both = client.vector_stores.search("default", query=["refund window", "pump warranty"])
    assert {"policies/refunds.md", "pump.md"} <= {result.filename for result in both.data}
    places = [(result.filename, result.attributes["start"]) for result in both.data]
    assert len(places) == len(set(places))

    scores = [result.score for result in both.data]
    assert scores == sorted(scores, reverse=True)
    least = scores[0]
    strict = client.vector_stores.search(
        "default", query=["refund window", "pump warranty"], ranking_options={"score_threshold": least}
    )
    assert [result.score for result in strict.data if result.score < least] == []
    with pytest.raises(openai.BadRequestError):
        client.vector_stores.search("default", query="widget", filters={"type": "like", "key": "team", "value": "x"})
    with pytest.raises(openai.NotFoundError):
        client.vector_stores.search("nowhere", query="widget")
