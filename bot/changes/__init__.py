"""Changes: one typed record of everything that changed, for alerts, digests and figures to read."""
