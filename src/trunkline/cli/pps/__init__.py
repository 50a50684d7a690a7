"""Commands for pipelines, jobs, datums and their logs."""
