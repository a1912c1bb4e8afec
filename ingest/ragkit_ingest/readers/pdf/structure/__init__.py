"""What a PDF says of itself beside its pages: metadata, outline and page labels, by pdfium or by pypdf."""
