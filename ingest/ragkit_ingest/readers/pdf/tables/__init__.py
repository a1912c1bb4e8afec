"""Tables of PDF pages: those drawn with lines, and those recognised by rows of values."""
