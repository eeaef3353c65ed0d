"""Builds that people start, follow, abort and run once more; and answers to runs that wait for a person."""
