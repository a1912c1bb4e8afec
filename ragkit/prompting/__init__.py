"""Hits into messages: the budget, the fences, and every word that is sent to a model."""
