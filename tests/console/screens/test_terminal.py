"""What a real terminal gets: nothing raw from outside, nothing secret at the end, and its own state back."""

import os
import re
import signal
import subprocess
import sys

import pytest

from tests.support.terminal import ROOT, Terminal

# What Textual writes by itself: the modes that it sets and takes back, and its drawing.
OURS = re.compile(
    r"\x1b\[[0-9;:]*[mHJKABCDfG]|\x1b\[\?(?:1049|25|7|1000|1002|1003|1004|1006|1015|1016|2004|2026|2031|2048|7)[hl]"
    r"|\x1b\[\?(?:2026|2048)\$p|\x1b\[[<>=]?[0-9;]*u|\x1b\[[0-9;]*c|\x1b\[c|\x1b\[6n|\x1b\[\?u|\x1b\]22;[a-z-]*\x07"
)
HOSTILE = (
    "\x1b]52;c;aHVudGVy\x07|\x1b]0;owned\x1b\\|\x9b2J|\x1b[?1049l|\x1bPq#0\x1b\\|\x1b_Gx\x1b\\|\x1b]8;;x\x07|"
    "\x1bc|\u202e|\u2066|\u200b|\ufeff|[bold]m[/bold]|[/]|[@click=app.bell]c[/]|\x07|\x08|\r|漢字|🚢|é|\U000e0041"
)
# Every widget with data from outside, a toast too, and then the text comes again as a crash.
STAGE = """
import sys
from pathlib import Path
from tests.support.screens import console
from console.screens.screen import ConsoleScreen
from console.widgets.content import line, lines
from console.widgets.diff_view import DiffLine, DiffView
from console.widgets.filter_table import Cell, Column, FilterTable, Row
from console.widgets.masked_value import MaskedValue
from console.widgets.secret_input import SecretInput
from console.screens import overview
from runner.errors import Refused
from runner.masking import Masked
from textual.widgets import Static

HOSTILE = eval(sys.argv[1])

class Stage(ConsoleScreen):
    def body(self):
        self.table = FilterTable(Column("name"), Column("state"))
        yield self.table
        yield DiffView([DiffLine("+", HOSTILE)])
        value = MaskedValue(HOSTILE, Masked("hunter2"), self.shell.opening.now)
        yield value
        self.field = SecretInput()
        yield self.field
        yield Static(lines(HOSTILE), markup=False)

    def load(self):
        self.table.show([Row(HOSTILE, (HOSTILE, Cell(HOSTILE, "bad")))])
        self.field.value = "hunter2"
        async def refuse(session):
            raise Refused(HOSTILE, cause=HOSTILE, action=HOSTILE)
        self.work("ask", refuse, print)
        self.notify(HOSTILE + "toast", title=HOSTILE)

    def action_reload(self):
        token = "hunter2"
        raise ValueError(token)

overview.Overview = Stage
app = console(Path("."), profile=HOSTILE)
code = app.run()
print("FAILURE", app.failure)
"""

# Screen 5 with a log of such lines, some of them in bytes that are no UTF-8.
LOG_STAGE = """
import sys
from pathlib import Path
from tests.support.screens import console
from console.domain.log_following import LogBytes, LogEnd
from console.screens import log

async def told(connection, task_id):
    yield LogBytes("\\n".join(eval(sys.argv[1]).split("|")).encode())
    yield LogBytes(b"\\n\\x9b2J\\x9d0;kept\\x9c\\n\\x1b[31mred\\x1b[0m\\nthe last line\\n")
    yield LogEnd("completed", "")

log.follow_log = told
app = console(Path("."))
app.shell.task_id = "Qd2mV0hUQ3mXc1sJr5o0Tw"
app.run()
"""
DRIVING = "[\x1b\x9b\x9d\x90\x07\x08\u202a-\u202e\u2066-\u2069\u200b\ufeff\U000e0041].{,20}"


def variables(tmp_path, **more):
    return {"HOME": str(tmp_path), **more}


def test_text_from_outside_drives_no_terminal_and_a_crash_tells_no_value(tmp_path):
    with Terminal(repr(HOSTILE), program=STAGE, environment=variables(tmp_path), size=(200, 50)) as terminal:
        terminal.until("toast")
        terminal.send("r")
        terminal.wait()
    left = OURS.sub("", terminal.text)
    assert not re.findall(DRIVING, left)
    for word in ("\\x1b]52;c;aHVudGVy\\x07", "[bold]m[/bold]", "漢字", "🚢", "\\u202e", "\\x9b2J"):
        assert word in terminal.words
    assert "FAILURE ValueError at <string>:" in terminal.words
    assert "hunter2" not in terminal.text
    assert "Traceback" not in terminal.text


def test_a_log_drives_no_terminal(tmp_path):
    with Terminal(
        repr(HOSTILE), program=LOG_STAGE, environment=variables(tmp_path), size=(120, 50)
    ) as terminal:
        terminal.until("Refresh")
        terminal.send("5")
        terminal.until("the last line")
        terminal.until("ended: completed")
        terminal.send("q")
        assert terminal.wait() == 0
    # A byte that is no UTF-8 may be C1 to a terminal: there is none.
    assert not re.findall(DRIVING, OURS.sub("", terminal.raw.decode()))
    for word in ("[bold]m[/bold]", "[@click=app.bell]c[/]", "漢字", "🚢", "red"):
        assert word in terminal.words
    assert "aHVudGVy" not in terminal.text
    assert "owned" not in terminal.text


def test_the_console_ends_by_a_key_and_gives_the_terminal_back(tmp_path):
    (tmp_path / "lading.toml").write_text("[image.balrog]\nrepository = 'mozilla/balrog'\nsecret = 's'\n")
    with Terminal(environment=variables(tmp_path), folder=tmp_path) as terminal:
        terminal.until("docker.io/mozilla/balrog")
        for size in ((40, 10), (10, 3), (132, 50), (80, 24)):
            terminal.resize(*size)
            os.kill(terminal.process.pid, signal.SIGWINCH)
        terminal.mark()
        terminal.send("?")
        terminal.until("Help")
        terminal.mark()
        terminal.send("?")
        terminal.until("docker.io/mozilla/balrog")
        terminal.send("q")
        assert terminal.wait() == 0
        assert terminal.modes() == terminal.before
        assert terminal.text.rindex("\x1b[?1049l") > terminal.text.rindex("\x1b[?1049h")
        assert terminal.text.rindex("\x1b[?25h") > terminal.text.rindex("\x1b[?25l")


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)],
    ids=["TERM", "HUP", "INT"],
)
def test_a_signal_ends_it_and_gives_the_terminal_back(tmp_path, number, code):
    with Terminal(environment=variables(tmp_path), folder=tmp_path) as terminal:
        terminal.until("No Taskcluster is named")
        os.kill(terminal.process.pid, number)
        assert terminal.wait() == code
        assert terminal.modes() == terminal.before
        assert "\x1b[?1049l" in terminal.text


def test_a_window_that_is_closed_ends_it(tmp_path):
    with Terminal(environment=variables(tmp_path), folder=tmp_path) as terminal:
        terminal.until("Refresh")
        terminal.hang_up()
        assert terminal.wait() != 0


def test_without_colour_it_says_the_same(tmp_path):
    with Terminal(environment=variables(tmp_path, NO_COLOR="1"), folder=tmp_path) as terminal:
        terminal.until("No Taskcluster is named")
        terminal.send("q")
        terminal.wait()
    colours = set(re.findall(r"\x1b\[[0-9;]*?[34]8;2;(\d+;\d+;\d+)", terminal.text))
    assert all(len(set(colour.split(";"))) == 1 for colour in colours)
    assert "✗ No Taskcluster is named" in terminal.words


@pytest.mark.parametrize(
    ("words", "environment", "told"),
    [
        ([], {"TERM": "dumb"}, "a terminal"),
        (["--profile", "absent"], {}, "There is no profile `absent`"),
        (["--read-only", "verify"], {}, "is for the screens"),
    ],
)
def test_what_cannot_start_is_told_in_words(tmp_path, words, environment, told):
    with Terminal(*words, environment=variables(tmp_path, **environment)) as terminal:
        assert terminal.wait() == 2
    assert told in terminal.text
    assert "\x1b" not in terminal.text


def test_a_configuration_that_is_wrong_is_told_with_its_line_before_anything_is_drawn(tmp_path):
    folder = tmp_path / "config" / "lading"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text('[keymap]\nrefresh = "q"\n')
    with Terminal(environment=variables(tmp_path, XDG_CONFIG_HOME=str(tmp_path / "config"))) as terminal:
        assert terminal.wait() == 2
    assert "config.toml line 2: `q` is both `refresh` and `quit`" in terminal.text
    assert "\x1b" not in terminal.text


def test_without_a_terminal_it_names_the_commands_and_loads_no_screens(tmp_path):
    program = (
        "import sys; from console.cli import main; code = main();"
        "print('LOADED', sorted({'textual', 'rich', 'taskcluster', 'aiohttp'} & set(sys.modules))); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "TERM": "xterm", "HOME": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stderr == (
        "lading: The console needs a terminal for its input, output and errors, and one that can move its cursor. "
        "Use a command instead: `lading --help` lists them.\n"
    )
    assert done.stdout == "LOADED []\n"


def test_nothing_that_asks_a_network_is_loaded_before_the_first_frame():
    program = "import sys, console.start, console.screens.overview; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(done.stdout.split())
    assert not loaded & {
        "taskcluster",
        "aiohttp",
        "keyring",
        "docker",
        "urllib3",
        "requests",
        "console.sandbox",
    }


OPENS = """
import contextlib, sys
from pathlib import Path
from textual.drivers.linux_driver import LinuxDriver
import console.start
from console.cli import main

drawn = []
write = LinuxDriver.write

def noting(driver, data):
    drawn.append("Overview" in data)
    write(driver, data)

@contextlib.asynccontextmanager
async def connect(settings):
    loaded = [name for name in ("aiohttp", "taskcluster") if name in sys.modules]
    note = Path.home() / "note"
    note.write_text(f"{any(drawn)} {loaded}")
    note.rename(Path.home() / "opened")
    raise OSError
    yield

LinuxDriver.write = noting
console.start.connect = connect
sys.exit(main())
"""


def test_the_session_is_opened_after_the_first_frame(tmp_path):
    opened = tmp_path / "opened"
    named = variables(tmp_path, TASKCLUSTER_ROOT_URL="http://127.0.0.1:9")
    with Terminal(program=OPENS, environment=named) as terminal:
        terminal.read(lambda _: opened.exists())
        assert opened.read_text() == "True []"
        terminal.send("q")
        assert terminal.wait() == 0


def test_a_sandbox_is_started_opened_and_ended(tmp_path):
    with Terminal(
        "--sandbox", "--read-only", environment=variables(tmp_path, TMPDIR=str(tmp_path)), size=(120, 30)
    ) as terminal:
        terminal.until("static/taskcluster/root")
        terminal.until("mozilla/balrog")
        assert "READ-ONLY" in terminal.words
        terminal.send("q")
        assert terminal.wait() == 0
    assert not list(tmp_path.glob("lading-sandbox-*"))
