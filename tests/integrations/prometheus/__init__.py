"""What is particular to `prometheus`."""
