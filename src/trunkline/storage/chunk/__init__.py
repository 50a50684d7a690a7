"""Pieces of files: cut, named by hash, compressed, packed."""
