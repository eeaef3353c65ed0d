"""Notices: what each person wants to be told by direct message, how, and when not."""
