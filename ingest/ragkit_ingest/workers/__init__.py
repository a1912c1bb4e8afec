"""Killable child processes that read files under limits."""
