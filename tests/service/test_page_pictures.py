"""Pages of uploaded PDFs as pictures: their originals are kept, within a bound, as long as their documents."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from ragkit import Document, Settings
from ragkit.testing import HashEmbedder
from ragkit_service import Limits, ServiceSettings, create_app
from ragkit_service.collection_pool import DataFolder
from ragkit_service.document_ids import document_id
from ragkit_service.jobs.extractor import Extractor
from ragkit_service.security.key_file import Grant, KeyFile
from tests.support.ingest_files import pages_pdf
from tests.support.service_fakes import LOCAL

DOCUMENTS = "/v1/collections/default/documents"
OFFER = pages_pdf([["Offer 4711", "A pump costs 900 euros."], ["Valid for thirty days."]])


@contextmanager
def serving(data: Path, *, limits: Limits | None = None, extractor: Extractor | None = None) -> Iterator[TestClient]:
    settings = ServiceSettings(data=data, limits=limits or Limits())
    library = DataFolder(data, settings=Settings(), embedder=HashEmbedder())
    with TestClient(create_app(settings, library=library, extractor=extractor), base_url=LOCAL) as made:
        yield made


def pdf_reader() -> Extractor:
    """Return a reader to which every file is a PDF of one page."""

    def read(path: Path) -> Document:
        content = path.read_bytes()
        document = Document.from_text(path.name, content.decode("latin-1"), media_type="application/pdf")
        return replace(document, sha256=hashlib.sha256(content).hexdigest())

    return Extractor("fake-1", read)


def upload(http: TestClient, name: str, content: bytes, **options: Any) -> dict[str, Any]:
    """Upload one file; return its line of the report."""
    response = http.post(f"{DOCUMENTS}?wait=true", files={"files": (name, content)}, **options)
    assert response.status_code == 200, response.text
    line: dict[str, Any] = response.json()["files"][0]
    return line


def picture(http: TestClient, name: str, page: int = 1, **options: Any) -> Any:
    return http.get(f"{DOCUMENTS}/{document_id('upload:' + name)}/pages/{page}/image", **options)


def originals(data: Path) -> list[bytes]:
    return sorted(path.read_bytes() for path in (data / "collections" / "default").glob("originals/*"))


def test_a_page_of_an_upload_is_shown_until_its_document_is_removed(tmp_path: Path) -> None:
    with serving(tmp_path) as http:
        assert upload(http, "offers/offer.pdf", OFFER)["warnings"] == []
        pages = [picture(http, "offers/offer.pdf", number) for number in (1, 2)]
        assert [(page.status_code, page.headers["content-type"]) for page in pages] == [(200, "image/png")] * 2
        assert max(Image.open(io.BytesIO(pages[0].content)).size) == 1600
        assert pages[0].content != pages[1].content
        assert picture(http, "offers/offer.pdf", 3).status_code == 404

        changed = pages_pdf([["Offer 4711, second edition", "A pump costs 950 euros."]])
        assert upload(http, "offers/offer.pdf", changed)["status"] == "changed"
        assert picture(http, "offers/offer.pdf").content != pages[0].content
        assert originals(tmp_path) == [changed]

        assert http.delete(DOCUMENTS, params={"source": "upload:offers/offer.pdf"}).json() == {"removed": 1}
        assert picture(http, "offers/offer.pdf").status_code == 404
    assert originals(tmp_path) == []


def test_a_browser_asks_whether_its_picture_is_still_right(tmp_path: Path) -> None:
    with serving(tmp_path) as http:
        upload(http, "offer.pdf", OFFER)
        first = picture(http, "offer.pdf")
        assert first.headers["cache-control"] == "private, no-cache"
        had = {"If-None-Match": first.headers["etag"]}
        again = picture(http, "offer.pdf", headers=had)
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])

        upload(http, "offer.pdf", pages_pdf([["Offer 4712"]]))
        changed = picture(http, "offer.pdf", headers=had)
        assert changed.status_code == 200
        assert changed.content != first.content
        assert http.delete(f"{DOCUMENTS}?source=upload:offer.pdf").status_code == 200
        assert picture(http, "offer.pdf", headers=had).status_code == 404


def test_what_is_no_pdf_is_not_kept(tmp_path: Path) -> None:
    with serving(tmp_path) as http:
        upload(http, "notes.md", b"# Notes\n\nThe pump was repaired.\n")
        assert picture(http, "notes.md").status_code == 404
    assert originals(tmp_path) == []


def test_what_is_over_the_bound_is_told(tmp_path: Path) -> None:
    with serving(tmp_path, limits=Limits(original_bytes=90), extractor=pdf_reader()) as http:
        assert upload(http, "a.pdf", b"a" * 60)["warnings"] == []
        (warning,) = upload(http, "b.pdf", b"b" * 60)["warnings"]
        assert "90 bytes" in warning
        assert http.get(DOCUMENTS, params={"source": "upload:b.pdf"}).json()["warnings"] == [warning]
    assert originals(tmp_path) == [b"a" * 60]


def test_nothing_is_kept_where_that_is_switched_off(tmp_path: Path) -> None:
    with serving(tmp_path, limits=Limits(original_bytes=0), extractor=pdf_reader()) as http:
        assert upload(http, "a.pdf", b"a" * 60)["warnings"] == []
    assert originals(tmp_path) == []


def test_a_failed_write_loses_the_picture_and_not_the_document(tmp_path: Path) -> None:
    with serving(tmp_path, extractor=pdf_reader()) as http:
        upload(http, "a.pdf", b"a" * 60)
        folder = tmp_path / "collections" / "default" / "originals"
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
        folder.write_bytes(b"")  # no file can be put below it
        line = upload(http, "b.pdf", b"b" * 60)
    assert line["status"] == "added"
    assert "not shown as pictures" in line["warnings"][0]


@pytest.mark.parametrize(("label", "told"), [("hr", "there is no document"), ("sales", "cannot be shown")])
def test_a_key_gets_pictures_of_what_it_sees(tmp_path: Path, label: str, told: str) -> None:
    """The fake PDF cannot be drawn, which only a key that sees the document is told."""
    keys = KeyFile(tmp_path / "keys.json")
    writer = {"Authorization": f"Bearer {keys.create('writer', Grant())}"}
    reader = {"Authorization": f"Bearer {keys.create('reader', Grant(('read',), labels=(label,)))}"}
    with serving(tmp_path, extractor=pdf_reader()) as http:
        upload(http, "a.pdf", b"a" * 60, headers=writer, data={"acl": "sales"})
        response = picture(http, "a.pdf", headers=reader)

    assert response.status_code == 404
    assert told in response.json()["detail"]
