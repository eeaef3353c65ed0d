"""What is particular to `jenkins`."""
