"""Three replicas on one PostgreSQL, and what is done to them."""
