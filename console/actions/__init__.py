"""What the commands and the screens do: one verb a file, which knows no terminal."""
