"""Commits as directories: what a mount shows, reads, caches and collects, and the process that keeps it."""
