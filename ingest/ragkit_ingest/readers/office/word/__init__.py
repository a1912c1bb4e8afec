"""Word documents: paragraphs, numbers, tables and their content, read as a stream of events."""
