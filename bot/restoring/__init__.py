"""After a restore: nothing goes on by itself; what was in flight is compared with the world and asked item by item."""
