"""Decisions about scopes, roles, tasks and secrets: pure."""
