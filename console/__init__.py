"""The maintainer's console and its headless twin."""
