"""What is particular to `local`."""
