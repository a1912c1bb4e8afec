"""A conversation in the terminal: the `chat` command, and an answer with its citations on the screen."""
