"""What is said of a spec beyond its rules: what looks wrong, and what would be right."""
