"""What long history and load do to Shipmate: roads that stay as short as they were, and nothing that is left over."""
