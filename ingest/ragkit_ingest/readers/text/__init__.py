"""Characters of texts: code pages, signs of symbol fonts, half-width forms, names of units, and embedded data."""
