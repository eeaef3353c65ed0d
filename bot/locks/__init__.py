"""Locks: a person, change or incident holds everything, or one place, with a reason and until a moment."""
