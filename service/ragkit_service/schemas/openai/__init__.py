"""The requests and replies of OpenAI's API, as far as the service supports it."""
