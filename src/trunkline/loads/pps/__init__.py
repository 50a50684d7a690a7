"""Load tests of pipelines."""
