"""The kinds of steps: each reads its part of a chain's file, says which fields it gives, and runs."""
