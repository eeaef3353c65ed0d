"""Grants: what people lend to Shipmate so that it acts in a tool as them. Given there, kept encrypted, revocable."""
