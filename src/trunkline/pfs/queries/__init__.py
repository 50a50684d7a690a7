"""SQL of projects, repos, branches, commits and chunks: one function a statement, typed in and out."""
