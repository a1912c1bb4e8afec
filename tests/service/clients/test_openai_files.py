"""Files and vector stores through OpenAI's own client, against a real server: upload, put in, poll, search, remove."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ragkit import NotFoundError
from ragkit_service.document_ids import source_of_id
from ragkit_service.file_store.stored_files import StoredFiles
from tests.support.live_service import WAIT

openai = pytest.importorskip("openai", reason="the official client is not installed: pip install 'ragkit[openai]'")

BROKEN = ("a.bin", bytes(range(256)) * 8)
FAQ = ("faq.md", b"# FAQ\n\nThe help desk costs 12 EUR a month.\n", "text/markdown")


@pytest.fixture
def store(client: Any) -> Iterator[str]:
    made = client.vector_stores.create(name="Support FAQ")
    yield made.id
    client.vector_stores.delete(made.id)


def settled(client: Any, store: str, file_id: str) -> Any:
    """Ask until a file is in a store, or is not going to be."""
    end = time.monotonic() + WAIT
    while (found := client.vector_stores.files.retrieve(file_id, vector_store_id=store)).status == "in_progress":
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


def test_a_file_is_uploaded_read_back_and_deleted(client: Any) -> None:
    stored = client.files.create(file=FAQ, purpose="user_data")

    assert (stored.object, stored.filename, stored.bytes) == ("file", "faq.md", len(FAQ[1]))
    assert abs(stored.created_at - time.time()) < WAIT
    assert client.files.content(stored.id).read() == FAQ[1]
    assert stored.id in [entry.id for entry in client.files.list()]
    again = client.files.create(file=("faq.md", b"Another text.\n"), purpose="user_data")
    assert again.id == stored.id
    assert client.files.content(stored.id).read() == b"Another text.\n"
    assert client.files.delete(stored.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(stored.id)


def test_a_file_that_is_put_into_a_store_is_found_cited_and_removed(client: Any, store: str) -> None:
    stored = client.files.create(file=FAQ, purpose="user_data")
    begun = client.vector_stores.files.create(store, file_id=stored.id, attributes={"team": "support"})
    done = settled(client, store, stored.id)

    assert (begun.status, done.status, done.last_error) == ("in_progress", "completed", None)
    assert done.attributes["team"] == "support"
    (found, *_) = client.vector_stores.search(store, query="How much does the help desk cost?").data
    assert found.file_id == stored.id
    assert found.attributes["team"] == "support"
    tools = [{"type": "file_search", "vector_store_ids": [store]}]
    answer = client.responses.create(model="ragkit/x", input="How much does the help desk cost?", tools=tools)
    assert "12 EUR" in answer.output_text
    assert answer.output[1].content[0].annotations[0].file_id == stored.id
    assert client.vector_stores.retrieve(store).file_counts.completed == 1
    (content,) = client.vector_stores.files.content(stored.id, vector_store_id=store).data
    assert "help desk" in content.text

    assert client.vector_stores.files.delete(stored.id, vector_store_id=store).deleted
    with pytest.raises(openai.NotFoundError):
        client.vector_stores.files.retrieve(stored.id, vector_store_id=store)
    assert client.files.retrieve(stored.id).id == stored.id


def test_a_store_is_in_progress_until_its_files_are_there(client: Any) -> None:
    stored = [client.files.create(file=(name, text), purpose="assistants").id for name, text, *_ in (FAQ, BROKEN)]
    made = client.vector_stores.create(name="polled", file_ids=stored)
    begun = made.status, made.file_counts.in_progress, made.file_counts.total
    end = time.monotonic() + WAIT
    while (made := client.vector_stores.retrieve(made.id)).status == "in_progress":
        assert made.file_counts.completed == 0
        assert made.file_counts.total == 2
        assert time.monotonic() < end
        time.sleep(0.05)

    counts = made.file_counts
    assert begun == ("in_progress", 2, 2)
    assert (made.status, counts.completed, counts.failed, counts.total) == ("completed", 1, 1, 2)
    (listed,) = [store for store in client.vector_stores.list() if store.id == made.id]
    assert listed.file_counts == counts
    client.vector_stores.delete(made.id)


def test_the_clients_own_polling_works(client: Any, store: str) -> None:
    file = client.vector_stores.files.upload_and_poll(vector_store_id=store, file=FAQ, poll_interval_ms=50)
    assert file.status == "completed"


def test_a_file_without_text_has_failed_and_says_why(client: Any, store: str) -> None:
    stored = client.files.create(file=BROKEN, purpose="user_data")
    client.vector_stores.files.create(store, file_id=stored.id)
    failed = settled(client, store, stored.id)

    assert failed.status == "failed"
    assert failed.last_error.code == "unsupported_file"
    assert failed.last_error.message
    listed = list(client.vector_stores.files.list(store, filter="failed"))
    assert [entry.id for entry in listed] == [stored.id]
    assert list(client.vector_stores.files.list(store, filter="completed")) == []
    assert client.vector_stores.retrieve(store).file_counts.completed == 0
    assert client.vector_stores.files.delete(stored.id, vector_store_id=store).deleted
    assert list(client.vector_stores.files.list(store)) == []
    with pytest.raises(openai.NotFoundError):
        client.vector_stores.files.delete(stored.id, vector_store_id=store)


def test_a_batch_of_files_is_polled_counted_and_listed(client: Any, store: str) -> None:
    uploads = [("one.md", b"# One\n\nThe first text.\n"), ("two.md", b"# Two\n\nThe second text.\n"), ("none.md", b" ")]
    stored = [client.files.create(file=file, purpose="assistants").id for file in uploads]

    done = client.vector_stores.file_batches.create_and_poll(
        store, file_ids=[*stored, stored[0]], attributes={"team": "support"}, poll_interval_ms=50
    )

    counts = done.file_counts
    assert (done.status, counts.completed, counts.failed, counts.in_progress, counts.total) == ("completed", 2, 1, 0, 3)
    listed = list(client.vector_stores.file_batches.list_files(done.id, vector_store_id=store, limit=2))
    assert [file.id for file in listed] == stored
    assert listed[2].last_error.code == "invalid_file"
    failed = client.vector_stores.file_batches.list_files(done.id, vector_store_id=store, filter="failed")
    assert [file.id for file in failed] == stored[2:]
    assert client.vector_stores.files.retrieve(stored[1], vector_store_id=store).attributes["team"] == "support"
    with pytest.raises(openai.NotFoundError):
        client.vector_stores.file_batches.retrieve(done.id, vector_store_id="default")
    assert client.vector_stores.file_batches.cancel(done.id, vector_store_id=store).status == "completed"


def test_each_file_of_a_batch_may_have_its_own_attributes(client: Any, store: str) -> None:
    stored = [
        client.files.create(file=(f"{name}.md", f"# {name}\n\nThe text of {name}.\n".encode()), purpose="assistants").id
        for name in ("Oslo", "Turin", "Porto")
    ]
    files = [
        {"file_id": stored[0], "attributes": {"country": "NO", "rank": 2.5}},
        {"file_id": stored[1], "chunking_strategy": {"type": "auto"}},
        {"file_id": stored[2], "attributes": {"country": "PT"}},
    ]

    done = client.vector_stores.file_batches.create_and_poll(
        store, files=files, attributes={"country": "nowhere"}, poll_interval_ms=50
    )

    assert (done.status, done.file_counts.completed) == ("completed", 3)
    found = [client.vector_stores.files.retrieve(file, vector_store_id=store).attributes for file in stored]
    assert [(item.get("country"), item.get("rank")) for item in found] == [("NO", 2.5), (None, None), ("PT", None)]
    portuguese = {"type": "eq", "key": "country", "value": "PT"}
    (hit,) = client.vector_stores.search(store, query="What is the text?", filters=portuguese).data
    assert hit.file_id == stored[2]


@pytest.mark.parametrize(
    "asked", [{}, {"file_ids": []}, {"files": []}, {"files": [{"file_id": "d_x"}], "file_ids": ["d_y"]}]
)
def test_a_batch_names_its_files_in_one_way(client: Any, asked: dict[str, Any]) -> None:
    with pytest.raises(openai.BadRequestError, match="either file_ids or files"):
        client.vector_stores.file_batches.create("default", **asked)


def test_a_file_that_is_on_its_way_is_listed_once_and_within_the_limit(client: Any, store: str) -> None:
    client.vector_stores.files.upload_and_poll(vector_store_id=store, file=FAQ, poll_interval_ms=50)
    broken = client.files.create(file=BROKEN, purpose="user_data")
    client.vector_stores.files.create(store, file_id=broken.id)
    settled(client, store, broken.id)
    faq = client.files.create(file=("faq.md", bytes(range(256)) * 8), purpose="user_data")
    client.vector_stores.files.create(store, file_id=faq.id)  # fails, and the document stays as it was
    settled(client, store, faq.id)

    listed = list(client.vector_stores.files.list(store, limit=1))
    assert sorted((entry.filename, entry.status) for entry in listed) == [
        ("a.bin", "failed"),
        ("upload:faq.md", "completed"),
    ]
    times = [entry.created_at for entry in listed]
    assert times == sorted(times, reverse=True)
    assert [entry.id for entry in client.vector_stores.files.list(store, limit=1, order="asc")] == [
        entry.id for entry in reversed(listed)
    ]
    assert [entry.id for entry in client.vector_stores.files.list(store, filter="failed", limit=1)] == [broken.id]


def test_a_new_store_of_the_name_of_a_deleted_one_has_none_of_its_files(client: Any, store: str) -> None:
    broken = client.files.create(file=("b.bin", bytes(range(256)) * 8), purpose="user_data")
    client.vector_stores.files.create(store, file_id=broken.id)
    settled(client, store, broken.id)
    client.vector_stores.delete(store)

    assert client.vector_stores.create(name="Support FAQ").id == store
    assert list(client.vector_stores.files.list(store)) == []
    with pytest.raises(openai.NotFoundError):
        client.vector_stores.files.retrieve(broken.id, vector_store_id=store)


def test_files_are_uploaded_and_put_in_by_one_call(client: Any, store: str) -> None:
    done = client.vector_stores.file_batches.upload_and_poll(store, files=[FAQ], poll_interval_ms=50)

    assert (done.status, done.file_counts.completed) == ("completed", 1)
    (found, *_) = client.vector_stores.search(store, query="How much does the help desk cost?").data
    assert "12 EUR" in found.content[0].text


def test_documents_of_any_origin_are_listed_page_by_page(client: Any) -> None:
    entries = list(client.vector_stores.files.list("default", limit=1))
    assert {source_of_id(entry.id) for entry in entries} == {"policies/refunds.md", "pump.md"}
    assert {entry.status for entry in entries} == {"completed"}


def test_stores_are_collections_and_names_may_be_taken(client: Any, store: str) -> None:
    twin = client.vector_stores.create(name="Support FAQ")
    nameless = client.vector_stores.create()

    assert store == "support-faq"
    assert twin.id.startswith("support-faq-")
    names = [entry.id for entry in client.vector_stores.list()]
    assert {store, twin.id, nameless.id, "default", "empty"} <= set(names)
    assert f"ragkit/{twin.id}" in [model.id for model in client.models.list()]
    for made in (twin, nameless):
        assert client.vector_stores.delete(made.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.vector_stores.retrieve(twin.id)


@pytest.mark.parametrize("file_id", ["d_bm93aGVyZQ", "file-123", "d_Li4vLi4vZXRjL3Bhc3N3ZA"])
def test_what_is_not_there_is_404(client: Any, file_id: str) -> None:
    for call in (
        lambda: client.files.retrieve(file_id),
        lambda: client.files.content(file_id),
        lambda: client.files.delete(file_id),
        lambda: client.vector_stores.files.create("default", file_id=file_id),
        lambda: client.vector_stores.files.retrieve(file_id, vector_store_id="default"),
        lambda: client.vector_stores.files.list("nowhere"),
    ):
        with pytest.raises(openai.NotFoundError):
            call()


def test_of_uploads_of_one_name_at_once_one_is_kept_whole(client: Any) -> None:
    bodies = [f"{number} ".encode() * (number * 3_000 + 1) for number in range(12)]
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda body: client.files.create(file=("same.md", body), purpose="user_data"), bodies))

    assert len({file.id for file in made}) == 1
    kept = client.files.content(made[0].id).read()
    assert kept in bodies
    assert client.files.retrieve(made[0].id).bytes == len(kept)
    client.files.delete(made[0].id)


def test_files_belong_to_the_key_that_sent_them(client: Any, data: Path) -> None:
    stored = client.files.create(file=FAQ, purpose="user_data")
    other = StoredFiles(data, owner="another key")

    assert other.list() == []
    with pytest.raises(NotFoundError):
        other.get(stored.id)


def test_name_and_metadata_of_a_store_are_changed(client: Any) -> None:
    made = client.vector_stores.create(name="Boats", metadata={"team": "mast"})
    assert (made.name, made.metadata) == ("boats", {"team": "mast"})
    changed = client.vector_stores.update(made.id, name="Boats of the club")
    assert (changed.id, changed.name, changed.metadata) == (made.id, "Boats of the club", {"team": "mast"})
    client.vector_stores.update(made.id, metadata={})
    seen = client.vector_stores.retrieve(made.id)
    assert (seen.name, seen.metadata, seen.created_at) == ("Boats of the club", {}, made.created_at)
    assert "Boats of the club" in [entry.name for entry in client.vector_stores.list()]
    client.vector_stores.delete(made.id)
    again = client.vector_stores.create(name="Boats")
    assert (again.id, again.name) == (made.id, "boats")
    client.vector_stores.delete(again.id)
    with pytest.raises(openai.NotFoundError):
        client.vector_stores.update(made.id, name="x")
    with pytest.raises(openai.BadRequestError):
        client.vector_stores.update(made.id, metadata={"k" * 65: "v"})


def test_attributes_of_a_file_are_changed_and_filter(client: Any, store: str) -> None:
    stored = client.files.create(file=FAQ, purpose="user_data")
    client.vector_stores.files.create(store, file_id=stored.id, attributes={"team": "support", "year": 2025})
    before = settled(client, store, stored.id)
    changed = client.vector_stores.files.update(
        stored.id, vector_store_id=store, attributes={"team": "desk", "open": True}
    )
    assert changed.attributes == {**before.attributes, "team": "desk", "open": True}
    filters = {"type": "eq", "key": "team", "value": "desk"}
    (found,) = client.vector_stores.search(store, query="help desk", filters=filters).data
    assert (found.file_id, found.attributes["year"]) == (stored.id, 2025)
    with pytest.raises(openai.NotFoundError):
        client.vector_stores.files.update("d_eA", vector_store_id=store, attributes={"team": "desk"})
    with pytest.raises(openai.BadRequestError):
        client.vector_stores.files.update(stored.id, vector_store_id=store, attributes={"acl": "all"})
