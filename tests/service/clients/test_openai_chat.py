"""Chat completions, models and embeddings through OpenAI's own client, against a real server on loopback."""

from __future__ import annotations

import asyncio
import base64
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ragkit
from ragkit.testing import CutChat, FakeChat, HashEmbedder
from ragkit_service.document_ids import source_of_id
from tests.support.live_service import KEY, WAIT, live_service

openai = pytest.importorskip("openai", reason="the official client is not installed: pip install 'ragkit[openai]'")

QUESTION = "How long is the refund window?"


def user(text: str) -> Any:
    return {"role": "user", "content": text}


def text_part(text: str) -> Any:
    return {"type": "text", "text": text}


def text_at(data: Path, citation: dict[str, Any]) -> str:
    with ragkit.open(data, embedder=HashEmbedder()) as knowledge:
        return knowledge.document(citation["source"]).text[citation["start"] : citation["end"]]


def test_each_collection_is_a_model(client: Any) -> None:
    assert [model.id for model in client.models.list()] == ["ragkit/default", "ragkit/empty"]
    assert client.models.retrieve("ragkit/default").object == "model"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("ragkit/nowhere")


def test_a_completion_is_grounded_and_its_citations_open_at_the_quote(client: Any, data: Path) -> None:
    before = int(time.time())
    done = client.chat.completions.create(model="ragkit/default", messages=[user(QUESTION)])
    other = client.chat.completions.create(model="default", messages=[user(QUESTION)])

    (choice,) = done.choices
    assert choice.finish_reason == "stop"
    assert "thirty days" in choice.message.content
    assert before <= done.created <= time.time()
    assert done.id != other.id
    assert done.usage.total_tokens == done.usage.prompt_tokens + done.usage.completion_tokens
    assert done.usage.completion_tokens > 0
    annotation = choice.message.annotations[0]
    assert annotation.type == "url_citation"
    cited = annotation.url_citation
    assert choice.message.content[cited.start_index : cited.end_index] == "[1]"
    citation = done.citations[0]
    assert cited.url == citation["url"]
    assert cited.url.endswith(f"#{citation['start']}-{citation['end']}")
    assert source_of_id(citation["document_id"]) == citation["source"] == "policies/refunds.md"
    assert text_at(data, citation) == citation["quote"]


def test_content_may_come_in_parts_and_history_is_used(data: Path) -> None:
    chat = FakeChat("Two years [1].")
    with live_service(data, chat=chat) as address, openai.OpenAI(base_url=f"{address}/v1", api_key=KEY) as client:
        client.chat.completions.create(
            model="ragkit/default",
            messages=[
                {"role": "system", "content": "Answer like a pirate."},
                {"role": "developer", "content": [{"type": "text", "text": "Never say arr."}]},
                user("Tell me about the pump."),
                {"role": "assistant", "content": "It weighs 12.5 kg [1]."},
                {"role": "user", "content": [text_part("How long is"), text_part("its warranty?")]},
            ],
            temperature=0.3,
            max_tokens=5,
        )
    messages = chat.prompts[-1].messages
    assert messages[0].role == "system"
    assert messages[0].content.startswith("Answer like a pirate.\n\nNever say arr.")
    assert [message.content for message in messages[1:3]] == ["Tell me about the pump.", "It weighs 12.5 kg."]
    assert "How long is\nits warranty?" in messages[-1].content


def test_a_stream_is_the_completion_in_chunks(client: Any) -> None:
    whole = client.chat.completions.create(model="ragkit/default", messages=[user(QUESTION)])
    chunks = list(
        client.chat.completions.create(
            model="ragkit/default", messages=[user(QUESTION)], stream=True, stream_options={"include_usage": True}
        )
    )

    assert len({chunk.id for chunk in chunks}) == 1
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    *with_choice, last = chunks
    assert with_choice[0].choices[0].delta.role == "assistant"
    text = "".join(chunk.choices[0].delta.content or "" for chunk in with_choice)
    assert text == whole.choices[0].message.content
    assert [chunk.choices[0].finish_reason for chunk in with_choice[-2:]] == [None, "stop"]
    assert with_choice[-2].choices[0].delta.annotations[0]["type"] == "url_citation"
    assert with_choice[-1].citations == whole.citations
    assert last.choices == []
    assert last.usage.completion_tokens == whole.usage.completion_tokens
    assert last.usage.prompt_tokens > 0  # the key of the fences is random, so its tokens differ


def test_the_async_client_streams_too(url: str) -> None:
    async def run() -> str:
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=KEY, timeout=WAIT) as client:
            stream = await client.chat.completions.create(
                model="ragkit/default", messages=[user("How heavy is the pump?")], stream=True
            )
            return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    assert "12.5 kg" in asyncio.run(run())


def test_a_stream_that_is_cut_is_an_error_and_never_done(data: Path) -> None:
    with (
        live_service(data, chat=CutChat("The refund window is thirty days after delivery. ")) as address,
        openai.OpenAI(base_url=f"{address}/v1", api_key=KEY, max_retries=0) as client,
    ):
        stream = client.chat.completions.create(model="ragkit/default", messages=[user(QUESTION)], stream=True)
        seen = []
        with pytest.raises(openai.APIError) as raised:
            seen.extend(stream)
        raw = client.chat.completions.with_raw_response.create
        with pytest.raises(openai.InternalServerError) as whole:
            raw(model="ragkit/default", messages=[user(QUESTION)])

    assert raised.value.code == "chat_interrupted"
    assert all(chunk.choices[0].finish_reason is None for chunk in seen)
    assert whole.value.status_code == 502


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"model": "ragkit/nowhere"}, 404),
        ({"model": "../default"}, 404),
        ({"messages": []}, 400),
        ({"messages": [user("")]}, 400),
        ({"messages": [user("x" * 9_000)]}, 400),
        ({"messages": [user("a"), {"role": "assistant", "content": "b"}]}, 400),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}, 400),
        ({"n": 2}, 400),
    ],
    ids=str,
)
def test_a_wrong_request_is_a_4xx_in_openais_shape(client: Any, change: dict[str, Any], status: int) -> None:
    body = {"model": "ragkit/default", "messages": [user(QUESTION)], **change}
    with pytest.raises(openai.APIStatusError) as raised:
        client.chat.completions.create(**body)

    assert raised.value.status_code == status
    assert raised.value.type == "invalid_request_error"
    assert raised.value.body["message"]
    assert raised.value.request_id == raised.value.body["request_id"]


def test_a_wrong_key_is_an_authentication_error(url: str) -> None:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="wrong") as client, pytest.raises(openai.AuthenticationError) as e:
        client.models.list()
    assert e.value.code == "invalid_api_key"


def test_the_filter_and_k_of_ragkit_pass_as_extra_fields(client: Any) -> None:
    where = {"type": "eq", "key": "source", "value": "pump.md"}
    done = client.chat.completions.create(
        model="ragkit/default", messages=[user(QUESTION)], extra_body={"where": where, "k": 1}
    )
    assert {citation["source"] for citation in done.citations} <= {"pump.md"}


@pytest.mark.parametrize("texts", ["refund window", ["refund window", "pump"]])
def test_embeddings_are_those_of_the_collections_as_floats_and_as_base64(client: Any, texts: str | list[str]) -> None:
    floats = client.embeddings.create(model="ragkit", input=texts, encoding_format="float")
    coded = client.embeddings.create(model="ragkit/default", input=texts)  # the client asks for base64 and decodes it
    raw = client.embeddings.with_raw_response.create(model="hash", input=texts, encoding_format="base64").http_response

    wanted = HashEmbedder().embed_documents([texts] if isinstance(texts, str) else texts)
    np.testing.assert_allclose([item.embedding for item in floats.data], wanted, atol=1e-6)
    np.testing.assert_allclose([item.embedding for item in coded.data], wanted, atol=1e-6)
    first = base64.b64decode(raw.json()["data"][0]["embedding"])
    np.testing.assert_array_equal(np.frombuffer(first, "<f4"), wanted[0].astype("<f4"))
    assert floats.usage.prompt_tokens == sum(HashEmbedder().count_tokens([texts] if isinstance(texts, str) else texts))
    assert [item.index for item in floats.data] == list(range(len(wanted)))


def test_token_arrays_are_embedded_as_their_text(client: Any) -> None:
    tokens = [417, 1263]
    text = ragkit.decode_tokens(tokens)
    one = client.embeddings.create(model="ragkit", input=tokens)
    two = client.embeddings.create(model="ragkit", input=[tokens, tokens])

    wanted = HashEmbedder().embed_documents([text])[0]
    for item in (*one.data, *two.data):
        np.testing.assert_allclose(item.embedding, wanted, atol=1e-6)
    assert len(two.data) == 2


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"input": "word " * 400}, 400),
        ({"input": ["fine", "word " * 400]}, 400),
        ({"input": [999_999_999]}, 400),
        ({"input": []}, 400),
        ({"input": ""}, 400),
        ({"dimensions": 7}, 400),
        ({"model": "text-embedding-3-small"}, 404),
        ({"model": "ragkit/nowhere"}, 404),
    ],
    ids=lambda value: str(value)[:40],
)
def test_nothing_is_truncated_and_no_other_model_is_claimed(client: Any, change: dict[str, Any], status: int) -> None:
    with pytest.raises(openai.APIStatusError) as raised:
        client.embeddings.create(**{"model": "ragkit", "input": "refund", **change})
    assert raised.value.status_code == status
