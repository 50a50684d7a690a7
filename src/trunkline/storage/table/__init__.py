"""Sorted, immutable, content-addressed tables: segments under a tree of index nodes."""
