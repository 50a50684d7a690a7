"""Versioning: projects, repos, branches, commits, provenance, files."""
