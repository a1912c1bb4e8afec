"""Readers of web pages: HTML, and the formats that carry it (EPUB, MHTML)."""
