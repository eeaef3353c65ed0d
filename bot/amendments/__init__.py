"""Changes of the policy: what widens rights is found, told, recorded, and may have to wait for a second person."""
