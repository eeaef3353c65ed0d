"""Alembic's migrations of our tables. `python tools/migration.py` writes them."""
