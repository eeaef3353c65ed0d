"""A stateful stand-in for GitLab; see `server`."""
