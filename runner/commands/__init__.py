"""One verb of the runner a file."""
