"""Evaluate answers on held-out questions: closed-book, few-shot, RAG and other registered approaches, side by side."""
