"""Runs a command and writes what it used: `python -I -S launcher.py RESULT COMMAND...`.

A process of its own: Linux counts to a child the memory that its parent had when it started it (exec(2) keeps
ru_maxrss), and this parent has 10 MB. Nothing that runs beside it in the bench delays its clock.
"""

import json
import os
import sys
import time


def main():
    result, *command = sys.argv[1:]
    started = time.perf_counter()
    pid = os.posix_spawn(command[0], command, os.environ)
    _, status, usage = os.wait4(pid, 0)
    wall = time.perf_counter() - started
    with open(result, "w", encoding="utf-8") as file:  # noqa: PTH123 - pathlib would be in its memory
        json.dump(
            {
                "status": os.waitstatus_to_exitcode(status),
                "wall": wall,
                "cpu": usage.ru_utime + usage.ru_stime,
                "rss": usage.ru_maxrss * 1024,
            },
            file,
        )
    return 0


sys.exit(main())
