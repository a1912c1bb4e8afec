"""Statements against prose: what speaks against a sentence that shares its words."""
