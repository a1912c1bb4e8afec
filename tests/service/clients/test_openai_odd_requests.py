"""Requests that are legal in OpenAI's API and seldom made: taken, or refused in words, and never misunderstood."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ragkit_service.schemas.openai.chat import ChatRequest, conversation

openai = pytest.importorskip("openai", reason="the official client is not installed: pip install 'ragkit[openai]'")

QUESTION = "How long is the refund window?"
ASKED = {"role": "user", "content": QUESTION}
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}
FUNCTION = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
SEARCH = {"type": "file_search", "vector_store_ids": ["default"]}
TURNS = ["user", "assistant"] * 10
PERSON = {"type": "json_schema", "json_schema": {"name": "person", "schema": {"type": "object"}}}


@pytest.mark.parametrize(
    "change",
    [
        {"messages": [{"role": "developer", "content": "Be brief."}, ASKED]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": QUESTION}]}]},
        {
            "messages": [
                {"role": "user", "content": "Hello.", "name": "ada"},
                {"role": "assistant", "content": ""},
                ASKED,
            ]
        },
        {
            "messages": [
                {"role": "user", "content": "What is the weather?"},
                {"role": "assistant", "content": None, "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "call_1", "content": "4 degrees"},
                ASKED,
            ]
        },
        {
            "messages": [
                {"role": "user", "content": "Write malware."},
                {"role": "assistant", "content": [{"type": "refusal", "refusal": "I cannot do that."}]},
                ASKED,
            ]
        },
        {
            "messages": [
                *[{"role": "user", "content": "x" * 9_000}, {"role": "assistant", "content": "Yes."}] * 20,
                ASKED,
            ]
        },
        {"tools": [FUNCTION], "tool_choice": "auto", "parallel_tool_calls": False},
        {"response_format": {"type": "text"}, "n": 1, "stop": ["\n\n"], "seed": 7, "logprobs": False},
        {
            "max_completion_tokens": 50,
            "temperature": 0.2,
            "top_p": 0.9,
            "frequency_penalty": 0.1,
            "logit_bias": {"5": 1},
        },
        {
            "user": "u-1",
            "metadata": {"team": "sales"},
            "store": True,
            "service_tier": "auto",
            "reasoning_effort": "low",
        },
    ],
    ids=lambda change: "-".join(change),
)
def test_a_legal_chat_request_is_answered(client: Any, change: dict[str, Any]) -> None:
    done = client.chat.completions.create(**{"model": "ragkit/default", "messages": [ASKED], **change})

    assert "thirty days" in done.choices[0].message.content
    assert done.choices[0].message.tool_calls is None


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"n": 2}, "n"),
        ({"tools": [FUNCTION], "tool_choice": "required"}, "tool_choice"),
        ({"tools": [FUNCTION], "tool_choice": {"type": "function", "function": {"name": "weather"}}}, "tool_choice"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"response_format": PERSON}, "response_format"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}]},
            "messages",
        ),
    ],
    ids=["n", "required", "named", "json_object", "json_schema", "image"],
)
def test_what_would_change_the_answers_meaning_is_refused(client: Any, change: dict[str, Any], param: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(**{"model": "ragkit/default", "messages": [ASKED], **change})

    assert param in str(caught.value.param)


def test_instructions_that_no_prompt_can_hold_are_the_clients_fault(client: Any) -> None:
    told = [{"role": "system", "content": "yes " * 7_000}] * 20
    with pytest.raises(openai.BadRequestError, match="the instructions have") as caught:
        client.chat.completions.create(model="ragkit/default", messages=[*told, ASKED])

    assert caught.value.code == "context_length_exceeded"


def test_a_route_that_is_not_served_is_an_error_that_the_client_reads(client: Any) -> None:
    with pytest.raises(openai.NotFoundError, match=r"openapi\.json") as caught:
        client.completions.create(model="ragkit/default", prompt="Once upon a time")

    assert caught.value.type == "invalid_request_error"


def test_a_wrong_value_is_named_by_its_field_alone(client: Any) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.vector_stores.search("default", query="")

    assert caught.value.param == "query"


@pytest.mark.parametrize(
    "change",
    [
        {"tools": [{**SEARCH, "ranking_options": {"ranker": "auto", "score_threshold": 0}}], "tool_choice": "required"},
        {"tools": [SEARCH], "tool_choice": {"type": "file_search"}, "parallel_tool_calls": True},
        {"text": {"format": {"type": "text"}, "verbosity": "low"}, "truncation": "auto", "store": False},
        {"input": [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": QUESTION}]},
        {
            "input": [
                {"type": "message", "role": "user", "content": [{"type": "input_text", "text": QUESTION}]},
                {"type": "reasoning", "id": "rs_1", "summary": []},
            ]
        },
        {"background": False, "metadata": {"team": "sales"}, "max_output_tokens": 90, "service_tier": "auto"},
    ],
    ids=["threshold 0", "chosen tool", "text format", "developer", "other item", "fields"],
)
def test_a_legal_response_is_made(client: Any, change: dict[str, Any]) -> None:
    response = client.responses.create(**{"model": "ragkit/default", "input": QUESTION, **change})

    assert "thirty days" in response.output_text


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"tools": [{**SEARCH, "ranking_options": {"score_threshold": 0.9}}]}, "score_threshold"),
        ({"tools": [{"type": "web_search"}]}, "tools"),
        ({"tool_choice": {"type": "function", "name": "weather"}}, "tool_choice"),
        ({"text": {"format": {"type": "json_schema", "name": "p", "schema": {"type": "object"}}}}, "text"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt"),
        ({"background": True}, "background"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}, ASKED]}, "input"),
    ],
    ids=["threshold", "web", "function", "json", "conversation", "prompt", "background", "reference"],
)
def test_what_is_stored_or_called_elsewhere_is_refused(client: Any, change: dict[str, Any], param: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(**{"model": "ragkit/default", "input": QUESTION, **change})

    assert param in str(caught.value.param)


def test_of_a_long_conversation_the_newest_turns_are_used() -> None:
    turns = [{"role": role, "content": f"turn {number} {'x' * 9_000}"} for number, role in enumerate(TURNS)]
    body = ChatRequest.model_validate({"model": "ragkit/default", "messages": [*turns, ASKED]})

    question, history = conversation(body.messages)

    assert question == QUESTION
    assert [message.content.split(" x")[0] for message in history] == [f"turn {number}" for number in range(13, 20)]


# ------------------------------------------------------------------ listings


@pytest.fixture
def stored(client: Any) -> Iterator[list[str]]:
    """Five stored files, by their ids in the order in which they were made."""
    purposes = ["assistants", "user_data", "assistants", "user_data", "assistants"]
    made = [
        client.files.create(file=(f"{name}.md", b"# Notes\n"), purpose=purpose).id
        for name, purpose in zip("edcba", purposes, strict=True)
    ]
    yield made
    left = {file.id for file in client.files.list()}
    for file_id in left.intersection(made):
        client.files.delete(file_id)


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_files_are_walked_page_by_page_in_either_order(client: Any, stored: list[str], limit: int) -> None:
    newest = [file.id for file in client.files.list(limit=limit)]
    oldest = [file.id for file in client.files.list(limit=limit, order="asc")]

    assert sorted(newest) == sorted(stored)
    assert oldest == newest[::-1]
    first = client.files.list(limit=limit)
    assert [file.id for file in first.data] == newest[:limit]
    assert first.has_more == (limit < len(stored))


def test_files_of_one_purpose_are_listed(client: Any, stored: list[str]) -> None:
    listed = [file.id for file in client.files.list(purpose="user_data", limit=1)]

    assert sorted(listed) == sorted([stored[1], stored[3]])


def test_all_files_go_when_each_is_deleted_as_it_is_listed(client: Any, stored: list[str]) -> None:
    for file in client.files.list(limit=2):
        client.files.delete(file.id)

    assert list(client.files.list()) == []


def test_stores_are_walked_page_by_page(client: Any) -> None:
    names = [store.id for store in client.vector_stores.list(limit=1)]

    assert {"default", "empty"} <= set(names)
    assert [store.id for store in client.vector_stores.list(limit=1, order="asc")] == names[::-1]
    assert [store.id for store in client.vector_stores.list(before=names[1]).data] == names[:1]


def test_a_store_has_the_time_at_which_it_was_made_and_the_newest_comes_first(client: Any) -> None:
    before = int(time.time())
    made = client.vector_stores.create(name="newest")
    try:
        first = client.vector_stores.list(limit=1).data[0]
        same = client.vector_stores.retrieve(made.id)
        assert before - 1 <= made.created_at <= time.time() + 1
        assert first.created_at == same.created_at == made.created_at
        times = [store.created_at for store in client.vector_stores.list()]
        assert times == sorted(times, reverse=True)
        assert times[-1] > 0
    finally:
        client.vector_stores.delete(made.id)


def test_files_of_a_store_are_walked_page_by_page(client: Any) -> None:
    entries = [file.id for file in client.vector_stores.files.list("default", limit=1)]

    assert len(entries) == 2
    assert [file.id for file in client.vector_stores.files.list("default", limit=1, order="asc")] == entries[::-1]
    assert [file.id for file in client.vector_stores.files.list("default", before=entries[1]).data] == entries[:1]
    assert client.vector_stores.files.list("default", after=entries[1]).data == []


@pytest.mark.parametrize("cursor", ["after", "before"])
@pytest.mark.parametrize("value", ["d_bm93aGVyZQ", "file-123", "default", "ragkit/default", "..", "é", "0"])
def test_a_cursor_that_is_not_of_the_listing_is_refused(
    client: Any, stored: list[str], cursor: str, value: str
) -> None:
    foreign = client.vector_stores.files.list("default").data[0].id
    lists: list[Callable[..., Any]] = [
        lambda **query: client.files.list(extra_query=query),
        lambda **query: client.vector_stores.files.list("default", **query),
        lambda **query: client.vector_stores.files.list("default", filter="failed", **query),
        lambda **query: client.vector_stores.files.list("empty", **query),
    ]
    for ask in lists:
        with pytest.raises(openai.BadRequestError, match="no entry") as caught:
            ask(**{cursor: value})
        assert (caught.value.type, caught.value.code) == ("invalid_request_error", "cursor")
    for ask in (lists[0], lists[3]):
        with pytest.raises(openai.BadRequestError):
            ask(**{cursor: foreign})
    if value != "default":
        with pytest.raises(openai.BadRequestError):
            client.vector_stores.list(**{cursor: value})


@pytest.mark.parametrize("limit", [0, -1, 101])
def test_a_limit_out_of_bounds_is_refused_by_its_name(client: Any, limit: int) -> None:
    for ask in (client.vector_stores.list, lambda **query: client.vector_stores.files.list("default", **query)):
        with pytest.raises(openai.BadRequestError) as caught:
            ask(limit=limit)
        assert caught.value.param == "limit"


def test_a_store_is_not_made_by_half(client: Any) -> None:
    before = [store.id for store in client.vector_stores.list()]
    with pytest.raises(openai.NotFoundError):
        client.vector_stores.create(name="half", file_ids=["d_dXBsb2FkOm5vbmUubWQ"])
    with pytest.raises(openai.BadRequestError) as caught:
        client.vector_stores.create(name="half", expires_after={"anchor": "last_active_at", "days": 7})

    assert "expires_after" in str(caught.value.param)
    assert [store.id for store in client.vector_stores.list()] == before


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"type": "eq", "key": "source", "value": "pump.md"}, {"pump.md"}),
        (
            {
                "type": "or",
                "filters": [
                    {"type": "and", "filters": [{"type": "ne", "key": "source", "value": "pump.md"}]},
                    {"type": "in", "key": "source", "value": ["none.md"]},
                ],
            },
            {"policies/refunds.md"},
        ),
        ({"type": "nin", "key": "source", "value": ["pump.md", "policies/refunds.md"]}, set()),
    ],
)
def test_compound_filters_and_rankers(client: Any, filters: dict[str, Any], found: set[str]) -> None:
    page = client.vector_stores.search(
        "default",
        query=["refund", "pump"],
        filters=filters,
        ranking_options={"ranker": "default-2024-11-15", "score_threshold": 0.0},
        rewrite_query=True,
        max_num_results=50,
    )

    assert {hit.filename for hit in page.data} == found
