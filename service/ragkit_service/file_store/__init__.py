"""Files that clients store first and put into collections later, as those of OpenAI's API do."""
