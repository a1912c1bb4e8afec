"""Two services over one database: what one takes in, the other finds: documents, feedback, prompts and originals."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import ragkit
from ragkit import Settings
from ragkit.testing import HashEmbedder
from ragkit_service import create_app
from ragkit_service.collection_pool import DataFolder
from ragkit_service.configuration.reading import read_configuration
from ragkit_service.errors import Redactor
from ragkit_service.settings import service_settings
from tests.support.service_fakes import LOCAL

DEFAULT = "/v1/collections/default"
BERTHS = b"# Berths\n\nA berth costs 14 euros a night. Boats over twelve metres pay double.\n"
LOCKS = b"# Locks\n\nThe lock opens at seven in the morning. The last boat leaves at nine in the evening.\n"


@pytest.fixture
def services(postgres: str, tmp_path: Path) -> Iterator[list[TestClient]]:
    """Two services, each with a folder of its own."""
    with ExitStack() as stack:
        made = []
        for number in (1, 2):
            settings = service_settings({"RAGKIT_DATA": postgres})
            assert settings.data == ragkit.data_folder(postgres)
            library = DataFolder(settings.location, settings=Settings(), embedder=HashEmbedder())
            own = type(settings)(data=tmp_path / str(number), shared=settings.shared)
            made.append(stack.enter_context(TestClient(create_app(own, library=library), base_url=LOCAL)))
        yield made


def test_two_services_over_one_database(services: list[TestClient], postgres: str) -> None:
    one, two = services
    uploaded = one.post(f"{DEFAULT}/documents?wait=true", files={"files": ("berths.md", BERTHS)})
    assert uploaded.json()["files"][0]["status"] == "added"
    question = {"question": "What does a berth cost?"}
    for http in services:
        answer = http.post(f"{DEFAULT}/ask", json=question).json()
        assert answer["citations"][0]["source"] == "upload:berths.md"
    two.post(f"{DEFAULT}/documents?wait=true", files={"files": ("locks.md", LOCKS)})
    found = one.post(f"{DEFAULT}/search", json={"query": "When does the lock open?"}).json()
    assert found["hits"][0]["source"] == "upload:locks.md"
    assert two.request("DELETE", f"{DEFAULT}/documents", params={"source": "upload:berths.md"}).status_code < 300
    assert [item["source"] for item in one.get(f"{DEFAULT}/documents").json()["documents"]] == ["upload:locks.md"]
    assert postgres.partition("host=")[2] not in one.get(DEFAULT).text
    deleted = two.delete(DEFAULT, params={"confirm": "default"})
    assert deleted.status_code == 204
    assert one.post(f"{DEFAULT}/search", json={"query": "lock"}).status_code == 404


def test_clients_are_not_told_the_address() -> None:
    found = Redactor().problem(ragkit.NotFoundError("there is no collection 'x' in postgresql://rag@db.example:5/kb"))
    assert found.detail == "there is no collection 'x' in DATA"


def test_a_configuration_shows_the_address_without_its_secrets() -> None:
    address = "postgresql://me:hunter22@db.example:5433/rag?password=other33&sslmode=require"
    shown = {item.key: item.value for item in read_configuration({"data": address}, {}).shown()}
    assert shown["data"] == "postgresql://me@db.example:5433/rag"
    settings = read_configuration({"data": address}, {}).service_settings()
    assert settings.location == address
    assert "hunter22" not in repr(settings)
    assert settings.keys_file.parent == ragkit.data_folder(address)
