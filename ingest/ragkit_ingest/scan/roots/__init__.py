"""Roots: folders of this machine, storage by URL and lists of web addresses, behind one protocol."""
