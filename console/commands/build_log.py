"""`lading build log`: a log as it is into a pipe, fit for a terminal on one."""

from __future__ import annotations

import json
from collections import deque
from contextlib import aclosing
from typing import TYPE_CHECKING, Final, Protocol, TextIO

from console.actions.build_log import follow_log
from console.commands.coloured import coloured
from console.commands.connecting import add_connection_arguments, connected
from console.commands.paint import Paint
from console.domain.log_following import LogBytes, LogEnd, LogRun, LogTrouble, LogWaiting
from console.domain.log_lines import LineDecoder, tells_error
from console.domain.task_ids import task_id_of
from console.domain.terminal_text import bare, line_of
from runner.errors import ExitCode, RunnerError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from console.connection import Connection
    from console.domain.log_following import LogEvent

_BEFORE: Final = 5
_AFTER: Final = 20


def add_log_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("task", metavar="TASK", help="the task's id, or a link to it")
    parser.add_argument(
        "--run", metavar="N", type=int, help="this run alone (default: the last, and retries)"
    )
    parser.add_argument(
        "--first-error",
        action="store_true",
        help="only the first line that tells of an error, and those around it; exits 1 if there is none",
    )
    add_connection_arguments(parser)


class _Sink(Protocol):
    def write(self, data: bytes) -> None: ...

    def finish(self) -> int: ...


def run_log(
    arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO, stderr: TextIO
) -> int:
    """Print it; what is told between is on standard error."""
    task_id = task_id_of(arguments.task)
    sink: _Sink
    if arguments.first_error:
        sink = _FirstError(stdout)
    elif arguments.json:
        sink = _JsonLines(stdout)
    else:
        in_colour = Paint.on(stdout, environment).in_colour
        is_pipe = not stdout.isatty() and hasattr(stdout, "buffer")
        sink = _Bytes(stdout) if is_pipe else _Lines(stdout, in_colour=in_colour)

    async def read(connection: Connection) -> LogEnd:
        end = LogEnd("", "")
        async with aclosing(follow_log(connection, task_id, run_id=arguments.run)) as events:
            async for event in events:
                if isinstance(event, LogBytes):
                    sink.write(event.data)
                elif isinstance(event, LogEnd):
                    end = event
                else:
                    print(f"lading: {line_of(_words(event))}", file=stderr, flush=True)
        return end

    try:
        end = connected(arguments, environment, stderr, read)
    except RunnerError:
        sink.finish()
        raise
    code = sink.finish()
    if end.problem:
        print(f"lading: the log is not whole: {line_of(end.problem)}", file=stderr)
        return ExitCode.CANNOT_TELL
    return code


def _words(event: LogEvent) -> str:
    match event:
        case LogWaiting(reason, None):
            return reason
        case LogWaiting(reason, ahead):
            return f"{reason}, and {ahead} tasks are before it"
        case LogRun(run_id, ""):
            return f"run {run_id}"
        case LogRun(run_id, reason):
            return f"run {run_id} ({reason}): its log begins anew"
        case LogTrouble(reason, seconds):
            return f"{reason}; it goes on in {seconds:.1f} s"
        case _:
            return ""


class _Bytes:
    """Into a pipe or a file: byte by byte as it is."""

    def __init__(self, stdout: TextIO) -> None:
        stdout.flush()
        self._stream = stdout.buffer

    def write(self, data: bytes) -> None:
        self._stream.write(data)
        self._stream.flush()

    def finish(self) -> int:
        return ExitCode.OK


class _Lines:
    """On a terminal: whole lines, in which nothing is left that it would obey."""

    def __init__(self, stdout: TextIO, *, in_colour: bool) -> None:
        self._stdout = stdout
        self._in_colour = in_colour
        self._decoder = LineDecoder()

    def write(self, data: bytes) -> None:
        self._print(self._decoder.feed(data))

    def finish(self) -> int:
        self._print(self._decoder.finish())
        return ExitCode.OK

    def _print(self, lines: list[str]) -> None:
        shown = (coloured(line, in_colour=self._in_colour) for line in lines)
        self._stdout.writelines(f"{line}\n" for line in shown)
        self._stdout.flush()


class _JsonLines:
    """A line of JSON for each line."""

    def __init__(self, stdout: TextIO) -> None:
        self._stdout = stdout
        self._decoder = LineDecoder()
        self._number = 0

    def write(self, data: bytes) -> None:
        self._print(self._decoder.feed(data))

    def finish(self) -> int:
        self._print(self._decoder.finish())
        return ExitCode.OK

    def _print(self, lines: list[str]) -> None:
        for line in lines:
            self._number += 1
            told = {"number": self._number, "line": line, "error": tells_error(line)}
            print(json.dumps(told), file=self._stdout)
        self._stdout.flush()


class _FirstError:
    """The first error, and what is around it."""

    def __init__(self, stdout: TextIO) -> None:
        self._stdout = stdout
        self._decoder = LineDecoder()
        self._number = 0
        self._before: deque[tuple[int, str]] = deque(maxlen=_BEFORE)
        self._left: int | None = None

    def write(self, data: bytes) -> None:
        self._take(self._decoder.feed(data))

    def finish(self) -> int:
        self._take(self._decoder.finish())
        return ExitCode.NO if self._left is None else ExitCode.OK

    def _take(self, lines: list[str]) -> None:
        for line in lines:
            self._number += 1
            if self._left is None and tells_error(line):
                for before in self._before:
                    self._show(*before)
                self._left = _AFTER + 1
            if self._left is None:
                self._before.append((self._number, line))
            elif self._left:
                self._left -= 1
                self._show(self._number, line)

    def _show(self, number: int, line: str) -> None:
        print(f"{number}: {line_of(bare(line))}", file=self._stdout)
