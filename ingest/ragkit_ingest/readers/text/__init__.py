"""Plain text: the detection of its code page, and the removal of embedded data."""
