"""What plain text may hold beside words: its code page, and data that no person reads."""
