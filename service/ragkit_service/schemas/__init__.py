"""Shapes of requests and responses, with examples."""
