"""The HTTP door: files by address."""
