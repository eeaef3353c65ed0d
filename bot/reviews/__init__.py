"""Reviews: merge requests of a service, shown, and decided by people as themselves."""
