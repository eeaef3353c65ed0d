"""Signing in, against a certified identity provider run as a program."""
