"""In-memory stand-ins for adapters. Each passes the contract suite of its capability, as the real ones do."""
