"""The sign of life that Shipmate gives to a dead man's switch."""
