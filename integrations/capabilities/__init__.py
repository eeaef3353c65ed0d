"""Roles a tool can play, one module each: a small `Protocol` and the value types it speaks."""
