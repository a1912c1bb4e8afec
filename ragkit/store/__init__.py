"""The truth of a collection: documents, chunks, vectors and generations."""

from ragkit.store.sqlite.store import Store, create_collection

__all__ = ["Store", "create_collection"]
