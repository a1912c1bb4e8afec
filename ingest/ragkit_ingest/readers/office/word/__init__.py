"""Word documents: paragraphs, numbers, tables and all that stands in them, as a stream of events."""
