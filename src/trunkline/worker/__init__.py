"""The data side of a job: a view of /pfs, a runner, the upload of what the script wrote."""
