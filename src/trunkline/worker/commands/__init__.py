"""From a transform to a process that ran to its end."""
