"""PDF: text and its layout, tables, structure, and guards against hostile files."""
