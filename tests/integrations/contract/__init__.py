"""One suite per capability: a class of tests that every adapter of it must pass, whatever stands behind.

A test module derives from a suite and overrides its fixtures.
"""
