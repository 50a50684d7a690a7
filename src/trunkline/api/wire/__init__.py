"""Between wire messages and values, and what is refused before anything else."""
