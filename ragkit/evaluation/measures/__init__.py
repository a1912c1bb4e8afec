"""Measures of ranking, pages, spans and abstention, and the runner that asks the questions."""
