"""The services of pipelines, jobs, datums and their logs."""
