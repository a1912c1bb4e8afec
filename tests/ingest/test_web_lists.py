"""Lists of web addresses: what they name is read once, kept while it cannot be fetched, and never of a private host."""

from __future__ import annotations

import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import ragkit
from ragkit import ExtractionError, InputError, KnowledgeBase
from ragkit.testing import HashEmbedder
from ragkit_ingest import IngestOptions, IngestReport, ReadLimits, WorkerPool, ingest_folder
from ragkit_ingest.scan.roots import web_client
from ragkit_ingest.scan.roots.base import RootAccess
from ragkit_ingest.scan.roots.web_client import RefusedAddressError, WebClient, checked
from ragkit_ingest.scan.roots.web_list import WebList, local_list, path_of_url
from ragkit_ingest.scan.walk import Found


class Site(ThreadingHTTPServer):
    """A web server of this process. answers: status, headers and body by path; asked: the requests that it got."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: Counter[tuple[str, str]] = Counter()
        self.heads = True

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def put(self, path: str, body: bytes, *, status: int = 200, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers[path] = (status, {"Content-Length": str(len(body)), **named}, body)

    def url(self, path: str) -> str:
        return f"http://{self.host}{path}"


class _Handler(BaseHTTPRequestHandler):
    server: Site

    def _answer(self, *, body: bool) -> None:
        self.server.asked[self.command, self.path] += 1
        missing: tuple[int, dict[str, str], bytes] = (404, {"Content-Length": "0"}, b"")
        status, headers, data = self.server.answers.get(self.path, missing)
        self.send_response(status if self.server.heads or body else 405)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(data)

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[Site]:
    made = Site()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture
def site(server: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    server.answers.clear()
    server.asked.clear()
    server.heads = True
    monkeypatch.setattr(web_client, "_LONGEST_WAIT", 0.01)
    return server


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    with WorkerPool(size=1) as made:
        yield made


class Reader:
    """A collection, and lists that it is ingested from."""

    def __init__(self, kb: KnowledgeBase, pool: WorkerPool, site: Site) -> None:
        self.kb = kb
        self.pool = pool
        self.site = site

    def ingest(self, named: str, *, allow_removals: bool = False, **limits: int) -> IngestReport:
        options = IngestOptions(
            ReadLimits(**limits), 1, pool=self.pool, internal_addresses=True, allow_removals=allow_removals
        )
        return ingest_folder(self.kb, named, options=options)

    def texts(self) -> dict[str, str]:
        return {info.source: self.kb.document(info.source).text for info in self.kb.documents()}


@pytest.fixture
def reader(tmp_path: Path, pool: WorkerPool, site: Site) -> Iterator[Reader]:
    with ragkit.open(tmp_path / "kb", embedder=HashEmbedder()) as kb:
        yield Reader(kb, pool, site)


def problems(report: IngestReport) -> dict[str, tuple[str, str]]:
    return {problem.path.partition("/")[2]: (problem.reason, problem.detail) for problem in report.problems}


def test_a_list_is_read_once_and_changes_are_seen(reader: Reader, site: Site) -> None:
    site.put("/a.txt", b"alpha", ETag='"1"')
    site.put(
        "/wiki/Page%20one", b"<html><body><p>beta</p></body></html>", Last_Modified="Fri, 02 Jan 2026 03:04:05 GMT"
    )
    site.put("/plain", b"gamma without any date")
    site.put(
        "/list.txt", f"# pages\n{site.url('/a.txt')}\n\n{site.url('/wiki/Page%20one')}\n{site.url('/plain')}\n".encode()
    )
    first = reader.ingest(site.url("/list.txt"))
    assert first.paths == (site.url("/list.txt"),)
    assert reader.texts() == {
        f"{site.host}/a.txt": "alpha",
        f"{site.host}/plain": "gamma without any date",
        f"{site.host}/wiki/Page one": "beta",
    }
    site.asked.clear()
    again = reader.ingest(site.url("/list.txt"))
    assert (again.changes, again.unchanged) == ((), 3)
    assert {path: count for (verb, path), count in site.asked.items() if verb == "GET"} == {"/list.txt": 1, "/plain": 1}
    site.put("/a.txt", b"omega", ETag='"2"')
    assert [change.source for change in reader.ingest(site.url("/list.txt")).changes] == [f"{site.host}/a.txt"]


@pytest.mark.parametrize("status", [403, 404, 429, 500])
def test_what_cannot_be_fetched_now_is_reported_and_kept(
    reader: Reader, site: Site, tmp_path: Path, status: int
) -> None:
    site.put("/a.txt", b"alpha", ETag='"1"')
    names = tmp_path / "list.txt"
    names.write_text(site.url("/a.txt?sig=secret") + "\n" + site.url("/b.txt"))
    site.answers["/a.txt?sig=secret"] = site.answers["/a.txt"]
    site.put("/b.txt", b"beta", ETag='"1"')
    reader.ingest(f"urls:{names}")
    site.put("/b.txt", b"", status=status)
    asked = site.asked["HEAD", "/b.txt"]
    report = reader.ingest(f"urls:{names}")
    assert (report.kept, report.exit_code, report.changes) == (1, 1, ())
    assert str(status) in problems(report)["b.txt"][1]
    assert site.asked["HEAD", "/b.txt"] - asked == (3 if status in (429, 500) else 1)
    assert sorted(reader.texts()) == [f"{site.host}/a.txt", f"{site.host}/b.txt"]
    assert "secret" not in f"{report.as_dict()}{reader.kb.files(f'urls:{names}')}"


def test_an_address_that_is_no_longer_named_loses_its_document(reader: Reader, site: Site, tmp_path: Path) -> None:
    names = tmp_path / "list.txt"
    for name in ("a", "b"):
        site.put(f"/{name}.txt", name.encode() * 9, ETag=f'"{name}"')
    names.write_text(site.url("/a.txt") + "\n" + site.url("/b.txt"))
    reader.ingest(f"urls:{names}")
    names.write_text(site.url("/b.txt"))
    assert [(item.action, item.source) for item in reader.ingest(f"urls:{names}").changes] == [
        ("removed", f"{site.host}/a.txt")
    ]


def test_a_list_holds_no_other_root(reader: Reader, site: Site) -> None:
    site.put("/a.txt", b"alpha", ETag='"1"')
    lists = [site.url("/lists"), site.url("/lists/more")]
    for path in ("/lists", "/lists/more"):
        site.put(path, site.url("/a.txt").encode())
        reader.ingest(site.url(path))
    assert reader.kb.roots() == lists
    assert [reader.ingest(url).unchanged for url in lists] == [1, 1]
    assert sorted(reader.texts()) == [f"{site.host}/a.txt", f"more/{site.host}/a.txt"]


def client() -> WebClient:
    return WebClient(internal=True, pause=0.0)


def test_a_server_that_is_busy_is_asked_again_and_one_without_head_is_asked_for_the_page(site: Site) -> None:
    site.put("/a", b"alpha", status=503)
    with pytest.raises(ExtractionError, match="answers 503, 3 times"), client().request("GET", site.url("/a")):
        pass
    assert site.asked["GET", "/a"] == 3
    site.put("/b", b"beta", ETag='"7"')
    site.heads = False
    listed = replace(_listed(site, "/b"), client=client())
    found = listed.look(f"{site.host}/b".encode())
    assert isinstance(found, Found)
    assert found.size == 4


def _listed(site: Site, path: str) -> WebList:
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(site.url(path))
        file.flush()
        return local_list(file.name, access=RootAccess(internal=True, max_size=100))


def test_an_answer_that_is_cut_short_packed_too_big_or_endless_gives_no_document(site: Site) -> None:
    site.put("/short", b"alpha", Content_Length="50")
    site.put("/packed", b"alpha", Content_Encoding="gzip")
    site.put("/big", b"x" * 101)
    site.put("/round", b"", status=302, Location="/round")
    wanted = {"/short": "broke off", "/packed": "packed", "/big": "more than 100 bytes", "/round": "redirects"}
    for path, words in wanted.items():
        with pytest.raises(ExtractionError, match=words):
            _listed(site, path).open(f"{site.host}{path}".encode())


def test_a_private_host_is_refused_by_name_by_number_and_behind_a_redirect(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict = WebClient(pause=0.0)
    for url in ("https://127.0.0.1/x", "https://localhost/x", "https://[::1]/x", "https://169.254.169.254/latest"):
        with pytest.raises(ExtractionError, match="private network"), strict.request("GET", url):
            pass
    site.put("/out", b"", status=302, Location="https://10.0.0.1/x")
    monkeypatch.setattr(web_client, "_is_public", lambda address: str(address) == "127.0.0.1")
    monkeypatch.setattr(web_client, "checked", lambda url, internal: urlsplit(url))
    refused = pytest.raises(ExtractionError, match=r"10\.0\.0\.1 is in a private network")
    with refused, strict.request("GET", site.url("/out")):
        pass


@pytest.mark.parametrize(
    "address", ["10.1.2.3", "::ffff:192.168.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "fe80::1", "224.0.0.1", "0.0.0.0"]
)
def test_addresses_that_stand_for_private_ones_are_not_public(address: str) -> None:
    assert not web_client._is_public(ip_address(address))
    assert web_client._is_public(ip_address("8.8.8.8"))
    assert web_client._is_public(ip_address("2606:4700::1111"))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://example.org/x", "not encrypted"),
        ("https://me:secret@example.org/x", "user name or password"),
        ("ftp://example.org/x", "no web address"),
        ("https://example.org:99999/", "no web address"),
    ],
)
def test_an_address_that_is_not_public_and_encrypted_is_refused(url: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(RefusedAddressError, match=words):
        checked(url, internal=False)
    names = tmp_path / "list.txt"
    names.write_text(f"https://example.org/fine\n{url}\n")
    with pytest.raises(InputError, match=r"^line 2 of .*list.txt is refused") as caught:
        local_list(str(names), access=RootAccess())
    assert "secret" not in str(caught.value)


def test_a_list_must_be_a_list_and_its_address_no_secret(reader: Reader, site: Site, tmp_path: Path) -> None:
    site.put("/page.html", b"<html>\n<p>no list</p>")
    with pytest.raises(InputError, match=r"line 1 of .*page\.html is refused: it is no web address"):
        reader.ingest(site.url("/page.html"))
    with pytest.raises(InputError, match=r"has a query; .*urls:FILE") as caught:
        reader.ingest(site.url("/list.txt?token=secret"))
    assert "secret" not in str(caught.value)
    with pytest.raises(InputError, match="cannot be read: the server answers 404"):
        reader.ingest(site.url("/none.txt"))
    with pytest.raises(InputError, match="No such file"):
        reader.ingest(f"urls:{tmp_path}/none.txt")


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://Docs.Example/a/b.pdf", "docs.example/a/b.pdf"),
        ("https://docs.example", "docs.example/index.html"),
        ("https://docs.example/a/", "docs.example/a/index.html"),
        ("https://docs.example/a%2Fb", "docs.example/a%2Fb"),
        ("https://docs.example/x%00y", "docs.example/x%00y"),
        ("https://docs.example/d%C3%A9j%C3%A0", "docs.example/déjà"),
        ("https://box.example/a.pdf?sv=1&sig=abc&X-Amz-Date=9", "box.example/a.pdf"),
    ],
)
def test_the_path_of_an_address_is_its_host_and_its_decoded_path(url: str, path: str) -> None:
    assert path_of_url(urlsplit(url)).decode() == path


def test_a_query_tells_two_addresses_apart_and_is_not_stored() -> None:
    paths = [path_of_url(urlsplit(f"https://desk.example/doc.pdf?id={number}&sig=x")) for number in (1, 2)]
    assert len(set(paths)) == 2
    assert all(path.startswith(b"desk.example/doc-") and path.endswith(b".pdf") for path in paths)
    assert not any(b"id" in path.partition(b"doc-")[2] for path in paths)
