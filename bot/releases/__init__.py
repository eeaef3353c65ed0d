"""Releases: one immutable version of a service, cut, shown, promoted, signed off."""
