"""Metadata, outline and page labels of a PDF, by pdfium or by pypdf."""
