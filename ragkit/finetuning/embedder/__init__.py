"""Tune an embedding model on questions about your own documents, and keep it only if it helps on held-out ones."""
