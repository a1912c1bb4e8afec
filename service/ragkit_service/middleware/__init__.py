"""ASGI middleware: access, body limits, request log."""
