"""Question sets made from a collection: candidates, templates, an LLM's questions, splits and saving."""
