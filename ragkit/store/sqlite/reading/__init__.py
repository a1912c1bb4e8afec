"""Reading a collection: a pool of connections, one committed state, and its documents, files and chunks."""
