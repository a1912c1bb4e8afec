"""Readers of e-mail: one message, a mailbox, and messages that Outlook saved."""
