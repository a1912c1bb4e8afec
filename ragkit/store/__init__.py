"""The truth of a collection: documents, chunks, vectors and generations. The face names the default store, SQLite."""

from ragkit.store.opening import create_collection, open_store
from ragkit.store.sqlite.store import Store

__all__ = ["Store", "create_collection", "open_store"]
