"""The truth of a collection: documents, chunks, vectors and generations, in SQLite or PostgreSQL."""
