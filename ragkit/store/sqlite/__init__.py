"""The store in SQLite: one file a collection, many readers, one writer."""
