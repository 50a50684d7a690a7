"""The composition root: from a state directory to a running server."""
