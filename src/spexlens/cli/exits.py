"""Exit codes that are not 0, 1 or 2."""

FAILED = 3
"""Where `--fail-on` finds what it names."""

INTERRUPTED = 130
"""After Ctrl-C: 128 and the signal's number."""
