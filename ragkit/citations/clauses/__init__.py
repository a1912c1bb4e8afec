"""Sentences as clauses: which of them a statement is about, and what it joins of several."""
