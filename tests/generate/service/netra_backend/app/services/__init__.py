"""Miniature of the service whose incident reports the first catalog is made from."""
