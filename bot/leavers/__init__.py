"""People who left: no rights from that moment on, and what was theirs goes to the team."""
