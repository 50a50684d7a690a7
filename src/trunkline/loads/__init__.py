"""Load tests: random work by a spec, carried out and checked."""
