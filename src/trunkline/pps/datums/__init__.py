"""From inputs to datums: which there are, which a job runs, what is remembered of each."""
