"""What will keep a push from publishing, as far as a task can know by itself: pure decisions."""
