"""Who the user is to a Taskcluster, and where that was said."""
