"""The tree below /pfs: staged, shown, read back, removed."""
