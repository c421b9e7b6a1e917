"""Runs of commands that are kept: each a folder with what was asked, what it came to and its log."""
