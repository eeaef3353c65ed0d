"""What people can ask: one module per command, thin. `registry` lists them in the order of help."""
