"""The Model Context Protocol: the collections as read-only tools, over streamable HTTP and over stdio."""
