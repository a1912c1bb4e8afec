"""Answers checked against their sources: markers, support of each sentence, and what may leave."""
