"""A database that was put back: held, compared with the world, decided item by item; backup, export, pruning."""
