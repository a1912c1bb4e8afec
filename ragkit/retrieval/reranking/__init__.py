"""Scoring of texts by a question outside an index: the cross-encoder, and texts that are in no collection."""
