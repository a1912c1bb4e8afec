"""The service over a real data folder: uploads, commits of other processes, locks, models, and the process itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import ragkit
from ragkit import Document, Settings
from ragkit.testing import CutChat, FakeChat, HashEmbedder
from ragkit_service import Limits, ServiceSettings, create_app
from ragkit_service.collection_pool import DataFolder
from ragkit_service.schemas.responses import (
    AnswerReply,
    HistoryReply,
    PromptReply,
    SearchReply,
    StatusReply,
    UploadReply,
)
from tests.support.service_fakes import LOCAL

ROOT = Path(__file__).parents[2]
DEFAULT = "/v1/collections/default"
REFUNDS = b"# Refunds\n\nThe refund window is thirty days after delivery. Opened goods are exchanged.\n"
PRICES = b"plan,price\nStarter,19 EUR\nTeam,49 EUR\n"


def serving(
    data: Path,
    *,
    embedder: HashEmbedder | None = None,
    chat: ragkit.ChatModel | None = None,
    limits: Limits | None = None,
) -> TestClient:
    library = DataFolder(data, settings=Settings(), embedder=embedder or HashEmbedder(), chat=chat)
    settings = ServiceSettings(data=data, limits=limits or Limits())
    return TestClient(create_app(settings, library=library), base_url=LOCAL)


@pytest.fixture
def http(tmp_path: Path) -> Iterator[TestClient]:
    with serving(tmp_path) as made:
        assert made.post("/v1/collections", json={"name": "default"}).status_code == 201
        yield made


def environ(data: Path, **more: str) -> dict[str, str]:
    path = os.pathsep.join(str(ROOT / part) for part in (".", "service", "ingest"))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAGKIT_")}
    return {**kept, "PYTHONPATH": path, "RAGKIT_DATA": str(data), **more}


def elsewhere(data: Path, code: str) -> None:
    """Run code on the data folder in another process; `kb` is its default collection."""
    opened = (
        "import sys, ragkit\nfrom ragkit.testing import HashEmbedder\n"
        "with ragkit.open(sys.argv[1], embedder=HashEmbedder()) as kb:\n    "
    )
    command = [sys.executable, "-c", opened + code, str(data)]
    subprocess.run(command, check=True, env=environ(data), timeout=300)


def test_files_go_in_and_cited_answers_come_out(http: TestClient, tmp_path: Path) -> None:
    files = [("files", ("refunds.md", REFUNDS)), ("files", ("prices.csv", PRICES))]
    uploaded = http.post(f"{DEFAULT}/documents?wait=true", files=files, data={"metadata": '{"team": "sales"}'})
    assert [item.status for item in UploadReply.model_validate(uploaded.json()).files] == ["added", "added"]

    where = {"type": "eq", "key": "team", "value": "sales"}
    found = http.post(f"{DEFAULT}/search", json={"query": "How long is the refund window?", "where": where})
    hit = SearchReply.model_validate(found.json()).hits[0]
    assert hit.source == "upload:refunds.md"
    whole = http.get(f"{DEFAULT}/documents", params={"source": hit.source}).json()
    assert whole["text"][hit.start : hit.end] == hit.text

    prompt = http.post(f"{DEFAULT}/prompt", json={"question": "How long is the refund window?", "budget": 1000})
    assert PromptReply.model_validate(prompt.json()).tokens["total"] <= 1000

    answer = AnswerReply.model_validate(
        http.post(f"{DEFAULT}/ask", json={"question": "How long is the refund window?"}).json()
    )
    assert answer.citations[0].source == "upload:refunds.md"
    cited = answer.citations[0]
    assert whole["text"][cited.start : cited.end] == cited.quote

    StatusReply.model_validate(http.get(DEFAULT).json())
    (generation,) = HistoryReply.model_validate(http.get(f"{DEFAULT}/history").json()).generations
    assert (generation.kind, generation.added) == ("upload", 2)
    assert str(tmp_path) not in http.get(DEFAULT).text
    assert list((tmp_path / "tmp").iterdir()) == []


def test_the_same_files_again_change_nothing(http: TestClient) -> None:
    files = {"files": ("refunds.md", REFUNDS)}
    http.post(f"{DEFAULT}/documents?wait=true", files=files)
    again = http.post(f"{DEFAULT}/documents?wait=true", files=files).json()

    assert again["files"][0]["status"] == "unchanged"
    assert len(http.get(f"{DEFAULT}/history").json()["generations"]) == 1


def test_a_file_that_is_no_document_is_refused_with_its_reason(http: TestClient) -> None:
    response = http.post(f"{DEFAULT}/documents?wait=true", files={"files": ("a.bin", bytes(range(256)) * 8)})

    assert response.status_code == 415
    assert response.json()["files"][0]["reason"] in {"binary", "unsupported"}
    assert http.get(f"{DEFAULT}/documents").json()["documents"] == []


def test_a_stream_is_the_answer_in_pieces(http: TestClient) -> None:
    http.post(f"{DEFAULT}/documents?wait=true", files={"files": ("refunds.md", REFUNDS)})
    body = {"question": "How long is the refund window?", "stream": True}
    blocks = [block.split("\n", 1) for block in http.post(f"{DEFAULT}/ask", json=body).text.split("\n\n") if block]
    events = [(head.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for head, data in blocks]

    assert [name for name, _ in events][-1] == "answer"
    assert "".join(data["text"] for name, data in events if name == "delta") == events[-1][1]["text"]


def test_a_model_that_breaks_off_is_an_error(tmp_path: Path) -> None:
    with serving(tmp_path, chat=CutChat()) as http:
        http.post("/v1/collections", json={"name": "default"})
        http.post(f"{DEFAULT}/documents?wait=true", files={"files": ("refunds.md", REFUNDS)})
        whole = http.post(f"{DEFAULT}/ask", json={"question": "refund window"})
        stream = http.post(f"{DEFAULT}/ask", json={"question": "refund window", "stream": True})

    assert whole.status_code == 502
    assert "event: answer" not in stream.text
    assert stream.status_code == 502 or "event: error" in stream.text


def test_a_generation_that_another_process_commits_is_seen_without_a_restart(http: TestClient, tmp_path: Path) -> None:
    http.post(f"{DEFAULT}/documents?wait=true", files={"files": ("refunds.md", REFUNDS)})
    ask = {"query": "warranty of the pump"}
    before = http.post(f"{DEFAULT}/search", json=ask).json()["hits"]
    assert "pump.md" not in [hit["source"] for hit in before]

    elsewhere(tmp_path, "kb.add(ragkit.Document.from_text('pump.md', 'The warranty of the pump is two years.'))")
    assert http.post(f"{DEFAULT}/search", json=ask).json()["hits"][0]["source"] == "pump.md"
    elsewhere(tmp_path, "kb.remove('pump.md')")
    after = http.post(f"{DEFAULT}/search", json=ask).json()["hits"]
    assert "pump.md" not in [hit["source"] for hit in after]


def test_a_collection_that_another_process_deletes_and_makes_again_is_seen(http: TestClient, tmp_path: Path) -> None:
    http.post(f"{DEFAULT}/documents?wait=true", files={"files": ("refunds.md", REFUNDS)})
    ragkit.delete_collection(tmp_path, "default")
    assert http.post(f"{DEFAULT}/search", json={"query": "refund"}).status_code == 404
    assert http.get("/v1/collections").json() == {"collections": []}

    ragkit.create_collection(tmp_path, "default")
    assert http.post(f"{DEFAULT}/search", json={"query": "refund"}).json()["hits"] == []
    assert http.post(f"{DEFAULT}/documents?wait=true", files={"files": ("refunds.md", REFUNDS)}).status_code == 200
    assert len(http.post(f"{DEFAULT}/search", json={"query": "refund"}).json()["hits"]) == 1


def test_while_another_writes_removals_are_423_uploads_wait_and_searches_go_on(tmp_path: Path) -> None:
    with serving(tmp_path, limits=Limits(writer_seconds=0.6)) as http:
        http.post(f"{DEFAULT}/documents?wait=true", files={"files": ("refunds.md", REFUNDS)})
        with ragkit.open(tmp_path, embedder=HashEmbedder()) as other, other.writer():
            upload = http.post(f"{DEFAULT}/documents", files={"files": ("prices.csv", PRICES)})
            removal = http.delete(f"{DEFAULT}/documents", params={"source": "upload:refunds.md"})
            search = http.post(f"{DEFAULT}/search", json={"query": "refund"})
            job = http.get(upload.headers["location"]).json()
            deletion = http.delete(f"{DEFAULT}?confirm=default")

        assert upload.status_code == 202
        assert (job["state"], "since" in job["waiting_for"]) == ("queued", True)
        for response in (removal, deletion):
            assert response.status_code == 423
            assert response.headers["retry-after"]
            assert str(os.getpid()) not in response.text
        assert len(search.json()["hits"]) == 1
        assert http.get(upload.headers["location"]).json()["state"] == "cancelled"  # by the deletion
        assert http.delete(f"{DEFAULT}?confirm=default").status_code == 204


def test_uploads_to_one_collection_at_once_take_turns(http: TestClient) -> None:
    def upload(number: int) -> int:
        files = {"files": (f"{number}.md", b"# Part %d\n\nText of part %d.\n" % (number, number))}
        return http.post(f"{DEFAULT}/documents?wait=true", files=files).status_code

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(upload, range(4))) == [200] * 4
    assert len(http.get(f"{DEFAULT}/documents").json()["documents"]) == 4


def test_a_collection_of_another_model_is_409(tmp_path: Path) -> None:
    with ragkit.open(tmp_path, embedder=HashEmbedder(32, name="other")) as kb:
        kb.add(Document.from_text("a.md", "refund window"))
    with serving(tmp_path) as http:
        response = http.post(f"{DEFAULT}/search", json={"query": "refund"})
        http.app.state.service.warm()  # type: ignore[attr-defined]
        ready = http.get("/readyz")

    assert response.status_code == 409
    assert response.json()["type"] == "urn:ragkit:problem:model-mismatch"
    assert ready.status_code == 503
    assert list(ready.json()["problems"]) == ["default"]


def test_a_data_folder_that_is_not_there_has_no_collections_and_stays_so(tmp_path: Path) -> None:
    data = tmp_path / "none"
    with serving(data) as http:
        assert http.get("/v1/collections").json() == {"collections": []}
        assert http.post(f"{DEFAULT}/search", json={"query": "refund"}).status_code == 404
        assert http.get(DEFAULT).status_code == 404
    assert not (data / "collections").exists()


@pytest.mark.parametrize(
    "where",
    [
        {},
        {"type": "like"},
        {"type": "eq"},
        {"type": "eq", "key": "page", "value": "x"},
        {"type": "in", "key": "source", "value": "x"},
        {"type": "and", "filters": []},
        {"type": "eq", "key": "source", "value": {"a": 1}},
        {"type": "gt", "key": "time", "value": "yesterday"},
        {"type": "and", "filters": [{"type": "eq", "key": "source", "value": "x"}] * 5000},
    ],
)
def test_no_filter_is_an_error_of_the_server(http: TestClient, where: object) -> None:
    http.post(f"{DEFAULT}/documents?wait=true", files={"files": ("refunds.md", REFUNDS)})
    response = http.post(f"{DEFAULT}/search", json={"query": "refund", "where": where})

    assert response.status_code in {200, 422}
    if response.status_code == 422:
        assert response.json()["detail"]


@pytest.mark.parametrize(
    "question",
    [
        "?",
        '"',
        "AND OR NOT",
        "a:b",
        "*",
        "(",
        "\\",
        "'; DROP TABLE chunks; --",
        "\x00",
        "\u202e",
        "🙂",
        "x" * 8000,
        "日本",
        "-",
    ],
)
def test_no_question_is_an_error_of_the_server(http: TestClient, question: str) -> None:
    http.post(f"{DEFAULT}/documents?wait=true", files={"files": ("refunds.md", REFUNDS)})
    for verb in ("search", "prompt", "ask"):
        assert http.post(f"{DEFAULT}/{verb}", json={"question": question}).status_code in {200, 422}


def test_history_and_examples_reach_the_model(tmp_path: Path) -> None:
    fake = FakeChat("Exchanged [1].")
    with serving(tmp_path, chat=fake) as http:
        http.post("/v1/collections", json={"name": "default"})
        http.post(f"{DEFAULT}/documents?wait=true", files={"files": ("refunds.md", REFUNDS)})
        history = [{"role": "user", "content": "refund?"}, {"role": "assistant", "content": "thirty days"}]
        examples = [{"question": "price?", "answer": "19 EUR"}]
        body = {"question": "And opened goods?", "history": history, "examples": examples}
        assert http.post(f"{DEFAULT}/ask", json=body).status_code == 200

    contents = [message.content for message in fake.prompts[-1].messages]
    assert {"refund?", "thirty days"} <= set(contents)
    assert any("19 EUR" in content for content in contents)


# -------------------------------------------------------------------- the process


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "ragkit.cli", *arguments]


def test_serve_is_a_process_that_starts_answers_and_stops(tmp_path: Path) -> None:
    arguments = command("serve", "--port", "0", "--json")
    told = environ(tmp_path, RAGKIT_API_KEY="canary-key-of-the-test")
    with subprocess.Popen(arguments, env=told, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = json.loads(server.stdout.readline())["url"]
        with urllib.request.urlopen(f"{url}/healthz", timeout=60) as response:
            assert json.load(response) == {"status": "ok"}
        server.send_signal(signal.SIGINT)
        out, log = server.communicate(timeout=300)  # it ends once the model is loaded, or made

    assert server.returncode == 0
    assert "canary" not in out + log
    lines = [json.loads(line) for line in log.splitlines()]
    assert any("GET /healthz 200" in line["message"] for line in lines)
    assert "Traceback" not in log


def test_serve_on_an_open_address_without_a_key_exits_2(tmp_path: Path) -> None:
    done = subprocess.run(
        command("serve", "--host", "0.0.0.0", "--port", "0"),
        env=environ(tmp_path),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "RAGKIT_API_KEY" in done.stderr
    assert done.stdout == ""
