"""Statements against tables and lines of a name and its value."""
