"""Tables of PDF pages: those drawn with lines, and those that rows of values make."""
