"""The service as a real server on loopback, over a real data folder, for tests with the clients of others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import uvicorn

import ragkit
from ragkit import ChatModel, Document, Settings
from ragkit.testing import HashEmbedder
from ragkit_service import Limits, ServiceSettings, create_app
from ragkit_service.collection_pool import DataFolder
from ragkit_service.server import bind, server_config, url_of

WAIT = 60  # seconds until something that must happen is given up, on a machine however busy
KEY = "key-of-the-client-tests"

REFUNDS = (
    "# Refunds\n\nThe refund window is thirty days after delivery. Opened goods are exchanged and not refunded.\n\n"
    "# Shipping\n\nThe customer pays for the return shipping unless the goods are faulty.\n"
)
PUMP = "# Pump HP-305\n\nThe warranty of the pump is two years. The pump weighs 12.5 kg.\n"

Handbook = Mapping[str, Mapping[str, str]]
HANDBOOK: Handbook = {"default": {"policies/refunds.md": REFUNDS, "pump.md": PUMP}, "empty": {}}


def fill(data: Path, handbook: Handbook = HANDBOOK) -> None:
    """Make the collections with their documents."""
    for name, texts in handbook.items():
        with ragkit.open(data, collection=name, embedder=HashEmbedder()) as knowledge:
            documents = [
                Document.from_text(source, text, title=source, media_type="text/markdown")
                for source, text in texts.items()
            ]
            if documents:
                knowledge.add(documents)


@contextmanager
def live_service(
    data: Path,
    *,
    chat: ChatModel | None = None,
    settings: Settings | None = None,
    api_key: str = KEY,
    limits: Limits | None = None,
    watch: Callable[[uvicorn.Server], None] = lambda _: None,
) -> Iterator[str]:
    """Run the service over a data folder in a thread and give its address. watch: gets the server, to end it."""
    settings_used = ServiceSettings(data=data, port=0, api_key=api_key, limits=limits or Limits())
    library = DataFolder(data, settings=settings or Settings(), embedder=HashEmbedder(), chat=chat)
    app = create_app(settings_used, library=library)
    config = server_config(settings_used, app)
    config.log_config = None
    server = uvicorn.Server(config)
    watch(server)
    with bind(settings_used) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield url_of(listener)
        finally:
            server.should_exit = True
            thread.join(WAIT)
    assert not thread.is_alive()
