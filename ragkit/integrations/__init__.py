"""Retrievers for other frameworks, one module each; a module needs its framework and is imported only when used."""
