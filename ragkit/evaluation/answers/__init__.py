"""Evaluate answers on held-out questions: closed-book, few-shot, RAG and what else is registered, side by side."""
