"""Commands for projects, repos, branches, commits and files."""
