"""Sentences as clauses, and the words that one of them leaves out."""
