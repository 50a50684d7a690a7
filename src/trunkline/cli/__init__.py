"""The command line, under two names: trunkline and pachctl."""
