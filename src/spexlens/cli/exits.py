"""Exit codes that are not 0, 1 or 2."""

INTERRUPTED = 130
"""After Ctrl-C: 128 and the signal's number."""
