"""The services of versioned files."""
