"""The house rules that a linter cannot see: sizes, names, layers, documentation."""
