"""SQL of pipelines, jobs and finished datum sets: one function a statement, typed in and out."""
