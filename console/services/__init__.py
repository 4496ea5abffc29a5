"""The only place of the console that talks to Taskcluster."""
