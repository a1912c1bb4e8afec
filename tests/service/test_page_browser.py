"""The page in headless Chromium: questions, uploads, the viewer, feedback, and what screen readers need."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

import ragkit
from ragkit import Settings
from ragkit.testing import HashEmbedder
from ragkit_ingest import IngestOptions, ingest_folder
from ragkit_service import ServiceSettings, create_app
from ragkit_service.collection_pool import DataFolder
from ragkit_service.feedback import FeedbackFile
from ragkit_service.server import bind, server_config, url_of

playwright = pytest.importorskip("playwright.sync_api", reason="the extra `browser` is not installed")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="the extra `browser` is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")

SAMPLES = Path(__file__).parents[2] / "sample_docs"
WAIT = 60  # seconds until something that must happen is given up
QUESTION = "?q=How+long+is+the+refund+window"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of a running service with a collection of two ingested files, and the collection's folder."""
    root = tmp_path_factory.mktemp("page")
    documents = root / "documents"
    documents.mkdir()
    for name in ("refund-policy.md", "aquila-w2-manual.pdf"):
        shutil.copy(SAMPLES / name, documents / name)
    with ragkit.open(root / "data", embedder=HashEmbedder()) as knowledge:
        ingest_folder(knowledge, documents, options=IngestOptions())
        folder = knowledge.folder
    settings = ServiceSettings(data=root / "data", port=0)
    library = DataFolder(settings.data, settings=Settings(), embedder=HashEmbedder())
    server = uvicorn.Server(server_config(settings, create_app(settings, library=library)))
    with bind(settings) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield url_of(listener), folder
        finally:
            server.should_exit = True
            thread.join(WAIT)
    assert not thread.is_alive()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page whose console and scripts report no error."""
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    problems: list[str] = []
    opened.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: problems.append(str(error)))
    yield opened
    opened.close()
    assert problems == []


def violations(page: Any) -> list[str]:
    return [f"{item['id']}: {item['help']}" for item in axe.Axe().run(page).response["violations"]]


def test_a_question_in_the_address_is_answered_and_its_quote_opens(service: tuple[str, Path], page: Any) -> None:
    page.goto(service[0] + "/" + QUESTION)
    page.wait_for_selector(".badge.answered")
    assert "30 days" in page.locator(".turn .text").text_content()
    assert violations(page) == []
    page.locator(".cards a.source").first.click()
    page.wait_for_selector("#document-text mark")
    assert "30 days" in page.locator("#document-text mark").text_content()
    assert violations(page) == []
    page.go_back()
    assert page.locator(".turn").count() == 1


def test_a_pdf_shows_the_page_as_a_picture_beside_its_text(service: tuple[str, Path], page: Any) -> None:
    page.goto(service[0] + "/?view=documents")
    page.get_by_role("link", name="Aquila W2 user manual").click()
    page.wait_for_selector("#page-picture:not([hidden]) img")
    assert page.locator("#page-picture img").evaluate("image => image.naturalHeight") == 1600
    page.get_by_role("button", name="Next page").click()
    page.get_by_text("Page 2 of").wait_for()
    assert violations(page) == []


def test_an_uploaded_pdf_shows_its_pages_too(service: tuple[str, Path], page: Any) -> None:
    page.goto(service[0] + "/?view=documents")
    page.set_input_files("#files", str(SAMPLES / "aquila-w2-manual.pdf"))
    page.wait_for_selector("#jobs .badge.answered")
    page.locator("#documents li", has_text="upload:aquila-w2-manual.pdf").get_by_role("link").click()
    page.wait_for_selector("#page-picture:not([hidden]) img")
    assert page.locator("#page-picture img").evaluate("image => image.naturalHeight") == 1600


def test_a_chain_is_shown_step_by_step_with_its_trace(service: tuple[str, Path], page: Any) -> None:
    page.goto(service[0] + "/")
    page.get_by_label("Answer by").select_option("decompose")
    page.locator("#question").fill("How long is the refund window?")
    page.get_by_role("button", name="Ask", exact=True).click()
    page.get_by_role("button", name="Copy the trace").wait_for()
    assert "30 days" in page.locator(".turn .text").text_content()
    names = page.locator(".steps summary strong").all_text_contents()
    assert names == ["parts", "passages", "reply"]
    page.locator(".steps summary").last.click()
    assert page.get_by_role("region", name="reply, output").is_visible()
    assert "trace " in page.locator(".turn .meta").first.text_content()
    assert violations(page) == []


def test_files_go_in_and_are_deleted(service: tuple[str, Path], page: Any, tmp_path: Path) -> None:
    good, bad = tmp_path / "parking.md", tmp_path / "bad.pdf"
    good.write_text("# Parking\n\nA parking space costs 40 euros a month.\n")
    bad.write_bytes(b"%PDF-1.4 broken")
    page.goto(service[0] + "/?view=documents")
    page.set_input_files("#files", [str(good), str(bad)])
    page.wait_for_selector("#jobs .badge.answered")
    lines = page.locator("#jobs .files li").all_text_contents()
    assert [line.split(" ")[0].startswith(name) for line, name in zip(lines, ("parking.md", "bad.pdf"), strict=True)]
    assert "added" in lines[0]
    assert "failed" in lines[1]
    card = page.locator("#documents li", has_text="upload:parking.md")
    card.wait_for()
    assert violations(page) == []
    card.get_by_role("button").click()
    card.get_by_role("button", name="Delete").click()
    card.wait_for(state="detached")


def test_files_that_are_chosen_before_the_collections_are_listed_wait_for_them(
    service: tuple[str, Path], page: Any, tmp_path: Path
) -> None:
    file = tmp_path / "early.md"
    file.write_text("# Early\n\nThe bakery opens at five.\n")
    held: list[Any] = []
    page.route("**/v1/collections", lambda route: held.append(route))
    with page.expect_request("**/v1/collections"):
        page.goto(service[0] + "/?view=documents")
    page.set_input_files("#files", [str(file)])
    held[0].continue_()
    page.locator("#jobs .files li", has_text="early.md").wait_for(state="attached")
    assert page.locator("#notice").is_hidden()


def test_feedback_is_kept_with_the_collection(service: tuple[str, Path], page: Any) -> None:
    page.goto(service[0] + "/" + QUESTION)
    page.wait_for_selector(".badge.answered")
    page.get_by_role("button", name="No").click()
    page.get_by_label("Note on this answer").fill("opened goods differ")
    page.get_by_role("button", name="Send").click()
    page.get_by_text("Thank you").wait_for()
    kept = list(FeedbackFile(service[1]).read())[-1]
    assert (kept["verdict"], kept["note"], kept["question"]) == (
        "bad",
        "opened goods differ",
        "How long is the refund window",
    )


def test_the_prompt_is_shown_with_its_budget(service: tuple[str, Path], page: Any) -> None:
    page.goto(service[0] + "/" + QUESTION)
    page.wait_for_selector(".badge.answered")
    page.get_by_role("button", name="Show the prompt").click()
    page.locator("#prompt-dialog pre").first.wait_for()
    assert "tokens of" in page.locator("#prompt-body").text_content()
    assert page.locator(".budget rect").count() >= 2
    assert violations(page) == []


def test_a_filter_limits_the_answer(service: tuple[str, Path], page: Any) -> None:
    page.goto(service[0] + "/")
    page.locator("#filters summary").click()
    page.get_by_label("Folder or start of the name").fill("aquila")
    page.get_by_label("Ask your documents").fill("refund window")
    page.get_by_role("button", name="Find passages").click()
    page.wait_for_selector(".cards > li")
    sources = page.locator(".cards .source").all_text_contents()
    assert set(sources) == {"Aquila W2 user manual"}


@pytest.mark.parametrize("width", [360, 820, 1280, 1920])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_sticks_out_and_colours_have_contrast(
    service: tuple[str, Path], browser: Any, width: int, scheme: str
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    try:
        for path in ("/" + QUESTION, "/?view=documents"):
            page.goto(service[0] + path)
            page.wait_for_selector(".cards > li")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert violations(page) == []
            folder = os.environ.get("RAGKIT_SCREENSHOTS", "")
            if folder:
                name = "documents" if "view" in path else "ask"
                page.screenshot(path=f"{folder}/{name}-{width}-{scheme}.png", full_page=True)
    finally:
        page.close()
