"""A small, faithful Taskcluster on loopback."""
