"""Read a collection in PostgreSQL: one committed state, and its documents, files and chunks."""
