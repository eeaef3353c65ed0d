"""Approvals: N of M people of named groups decide on one exact content, once."""
