"""Deployments: putting one release on one place, from the wish to its end, whatever crashes on the way."""
