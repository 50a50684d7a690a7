"""Pipelines: spec to datums to jobs, and the controller that runs them."""
