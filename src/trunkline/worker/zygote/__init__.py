"""A small process that starts the user's commands for a worker: any command by exec, Python scripts by fork.

It runs under the pipeline's own interpreter (3.8 or newer), which may know nothing of our package: so everything here
imports the standard library only. For scripts it imports what they import, once, and then forks a child per run, which
executes the script as ``__main__``. It only imports and never calls into what it imported: numeric libraries hang or
crash in the fork of a process that has used their threads.
"""
