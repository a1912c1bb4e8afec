"""Lines of PDF pages -> canonical text: paragraphs, headings, tables, running lines and footnotes."""
