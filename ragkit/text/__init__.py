"""Plain text and language: cleaning, analysis, sentences, tables, stop words and token counts."""

from ragkit.text.cleaning import clean_text, marked_headings, show

__all__ = ["clean_text", "marked_headings", "show"]
