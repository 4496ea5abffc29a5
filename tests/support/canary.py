"""A secret to be searched for: its encodings, and every place where one could be left."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import subprocess
import threading
from pathlib import Path
from urllib.parse import quote, quote_plus


class Canary:
    """A random token that has to be escaped in most encodings."""

    def __init__(self):
        self.token = f"{secrets.token_hex(12)}/+ \"'\\é={secrets.token_hex(4)}"

    @property
    def forms(self):
        """Every form in which a program would write it; computed apart from the masker's own."""
        raw = self.token.encode()
        forms = {raw, raw.hex().encode(), json.dumps(self.token)[1:-1].encode()}
        forms |= {
            quote(self.token).encode(),
            quote(self.token, safe="").encode(),
            quote_plus(self.token).encode(),
        }
        # What is surely its own: the random beginning and end alone.
        forms |= {self.token[:24].encode(), self.token[-8:].encode()}
        for before in range(3):
            encoded = base64.b64encode(bytes(before) + raw + bytes(3))
            forms |= {encoded[4:28], encoded[4:28].translate(bytes.maketrans(b"+/", b"-_"))}
        return forms

    def in_bytes(self, content):
        """The forms that a content has."""
        return [form for form in self.forms if form in content]

    def in_folder(self, folder):
        """The files below a folder that have a form of it, or are called by one."""
        patterns = b"\n".join(self.forms)
        found = subprocess.run(
            ["grep", "--recursive", "--binary-files=text", "--devices=skip", "-lF", "-f", "-", str(folder)],
            input=patterns,
            capture_output=True,
            check=False,
        )
        # os.walk passes by a folder that goes away while it looks; Path.rglob raises (Python 3.11 and 3.12).
        paths = (Path(at) / name for at, folders, files in os.walk(folder) for name in (*folders, *files))
        return [
            *found.stdout.decode().splitlines(),
            *(str(path) for path in paths if self.in_bytes(os.fsencode(path))),
        ]


class ProcessWatch:
    """Looks at the arguments and environments of every process, and below a folder, while a block runs."""

    def __init__(self, canary, folder):
        self._canary, self._folder = canary, folder
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="process watch")
        self.seen = set()
        self.found = set()

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_exception):
        self._end.set()
        self._thread.join()

    def _run(self):
        while not self._end.wait(0.02):
            for process in Path("/proc").glob("[0-9]*"):
                for name in ("cmdline", "environ"):
                    with contextlib.suppress(OSError):
                        content = (process / name).read_bytes()
                        self.seen.add((name, content[:80]))
                        if self._canary.in_bytes(content):
                            self.found.add(f"{name}: {content[:60]!r}")
            self.found.update(self._canary.in_folder(self._folder))
