"""Rights that people ask for: for a reason, for a while, given by whoever owns the place."""
