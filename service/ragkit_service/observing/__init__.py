"""What an operator sees of requests: log, audit log and metrics; never a question, a text or a key."""
