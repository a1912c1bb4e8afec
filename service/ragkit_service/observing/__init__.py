"""Log, audit log and metrics of requests, for operators; they never hold a question, a text or a key."""
