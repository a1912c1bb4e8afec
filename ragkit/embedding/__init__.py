"""Texts into vectors: loading a model, its tokenizer, its runtimes, and the batching of queries."""
