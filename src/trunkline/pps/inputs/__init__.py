"""What pipelines read: branches joined to theirs, triggers, and ticks of schedules."""
