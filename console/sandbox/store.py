"""The sandbox's state, in SQLite."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMORY: Final = ":memory:"
SCHEMA: Final = """
create table if not exists clients (
  client_id text primary key, token text not null, description text not null, scopes text not null,
  expires text not null, disabled integer not null default 0, delete_on_expiration integer not null default 0,
  created text not null, last_modified text not null, last_date_used text not null,
  last_rotated text not null);
create table if not exists keys (name text primary key, key text not null);
create table if not exists roles (
  role_id text primary key, description text not null, scopes text not null,
  created text not null, last_modified text not null);
create table if not exists audit (
  id integer primary key, entity_type text not null, entity_id text not null, action text not null,
  client_id text not null, created text not null);
create index if not exists audit_by_entity on audit (entity_type, entity_id);
create table if not exists secrets (name text primary key, secret text not null, expires text not null);
create table if not exists task_groups (
  group_id text primary key, scheduler_id text not null, expires text not null, sealed text);
create table if not exists tasks (
  task_id text primary key, queue_id text not null, group_id text not null, scheduler_id text not null,
  project_id text not null, priority text not null, deadline text not null, expires text not null,
  retries_left integer not null, runs text not null, definition text not null, state text not null,
  pending_since text, taken_until text);
create index if not exists tasks_by_queue on tasks (queue_id, state);
drop index if exists tasks_by_group;
create index if not exists tasks_in_group on tasks (group_id, collated(task_id), task_id);
create index if not exists tasks_by_deadline on tasks (deadline)
  where state in ('unscheduled', 'pending', 'running');
create index if not exists tasks_by_claim on tasks (taken_until) where taken_until is not null;
create table if not exists dependencies (
  dependent text not null, required text not null, is_met integer not null,
  primary key (dependent, required));
create index if not exists dependencies_by_required on dependencies (required);
create table if not exists workers (
  queue_id text not null, worker_group text not null, worker_id text not null, first_claim text not null,
  last_active text not null, quarantine_until text, recent_tasks text not null,
  primary key (queue_id, worker_group, worker_id));
drop table if exists task_queues;
create table if not exists seen_queues (
  queue_id text primary key, last_active text not null, expires text not null);
create table if not exists artifacts (
  task_id text not null, run_id integer not null, name text not null, storage_type text not null,
  content_type text not null, expires text not null, content_length integer, present integer not null,
  details text not null, primary key (task_id, run_id, name));
create table if not exists objects (
  name text primary key, project_id text not null, upload_id text not null, expires text not null,
  hashes text not null, finished integer not null);
create table if not exists blobs (
  name text primary key, content_type text not null, content_encoding text, data blob not null);
create table if not exists indexed_tasks (
  path text primary key, parent text not null, task_id text not null, rank real not null, data text not null,
  expires text not null);
create index if not exists indexed_by_parent on indexed_tasks (parent);
create table if not exists builds (
  group_id text primary key, organization text not null, repository text not null, sha text not null,
  ref text not null, event_type text not null, event_id text not null, pull_request integer,
  created text not null, cancelled text);
create table if not exists hooks (
  group_id text not null, hook_id text not null, definition text not null, token text not null,
  next_fire text, primary key (group_id, hook_id));
create index if not exists hooks_by_time on hooks (next_fire) where next_fire is not null;
create table if not exists last_fires (
  id integer primary key, group_id text not null, hook_id text not null, fired_by text not null,
  task_id text not null, created text not null, result text not null, error text not null);
create index if not exists last_fires_by_hook on last_fires (group_id, hook_id);
create table if not exists namespaces (path text primary key, parent text not null, expires text not null);
create index if not exists namespaces_by_parent on namespaces (parent);
"""


class Store:
    """One connection; every handler runs on the loop's thread, and its statements are short.

    Args:
        database: a file, or `:memory:`.
    """

    def __init__(self, database: str) -> None:
        if database != MEMORY:
            Path(database).touch(mode=0o600)  # it holds tokens
        self._connection = sqlite3.connect(database, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        # Indexes are ordered by it, so nothing reads them without it.
        self._connection.create_function("collated", 1, lambda text: collation(text)[0], deterministic=True)
        # What is committed outlives this process; a crash of the machine may cost the last moments, no more.
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = normal")
        self._connection.executescript(SCHEMA)

    def one(self, sql: str, *values: Any) -> sqlite3.Row | None:
        """The first row, if any."""
        row: sqlite3.Row | None = self._connection.execute(sql, values).fetchone()
        return row

    def all(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        """All rows."""
        return self._connection.execute(sql, values).fetchall()

    def run(self, sql: str, *values: Any) -> int:
        """Change something; returns how many rows were."""
        return self._connection.execute(sql, values).rowcount

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the statements within, or none; one within another is part of it."""
        if self._connection.in_transaction:
            yield
            return
        self._connection.execute("begin")
        try:
            yield
        except BaseException:
            self._connection.execute("rollback")
            raise
        self._connection.execute("commit")

    def close(self) -> None:
        """Close the database."""
        self._connection.close()


def collation(text: str) -> tuple[str, str]:
    """Order of the services' lists: letters and digits decide first, whatever their case, then the rest."""
    return "".join(character for character in text.casefold() if character.isalnum()), text
