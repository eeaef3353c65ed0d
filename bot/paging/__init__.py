"""Paging: who is woken when something fires, by which ways, and what follows when they do not come."""
