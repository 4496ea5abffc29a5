"""What a task has: its event, its secrets, its artifacts, its statement."""
