"""Storage: chunks in packs, sorted tables, file sets."""
