"""The order of the candidates beyond their own scores: their neighbours, and release notes."""
