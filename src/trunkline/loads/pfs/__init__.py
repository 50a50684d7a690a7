"""Load tests of versioned files: random files by a spec, written by many at once, and checked (reference, 10.3)."""
