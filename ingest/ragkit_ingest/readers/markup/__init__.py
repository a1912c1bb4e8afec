"""Readers of plain-text markup: Markdown with site syntaxes, reStructuredText, AsciiDoc."""
