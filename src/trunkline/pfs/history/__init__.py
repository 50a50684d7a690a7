"""Commits, branches and how they hang together: decided inside one transaction."""
