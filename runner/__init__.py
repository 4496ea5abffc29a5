"""What a task runs: builds an image, pushes it, and leaves a statement of its digests."""

__version__ = "0.1.0"
