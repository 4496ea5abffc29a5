"""What makes an image a task's, and a task a repository's: pure decisions."""
