"""What stood in the checkout is there again after a build, however the build ended."""

import json
import os
import stat

import pytest

from runner.engines.version_file import put_back_leftover, records_of, replaced_file
from runner.errors import Conflict, Interrupted, UsageError

OURS = b'{"commit": "c0ffee"}\n'


@pytest.fixture
def path(tmp_path):
    (tmp_path / "checkout").mkdir()
    return tmp_path / "checkout" / "version.json"


@pytest.fixture
def records(tmp_path):
    return tmp_path / "records"


def nothing(path):
    pass


def a_file(path):
    path.write_bytes(b"theirs")


def a_program(path):
    path.write_bytes(b"theirs")
    path.chmod(0o750)
    os.utime(path, ns=(1_000_000_000, 2_000_000_123))


def a_link(path):
    path.symlink_to("elsewhere")
    path.with_name("elsewhere").write_bytes(b"theirs")


def a_dangling_link(path):
    path.symlink_to("nowhere")


def state(path):
    """All that a clone or a check could see of the folder."""
    found = {}
    for each in sorted(path.parent.iterdir()):
        status = each.lstat()
        content = os.fsencode(each.readlink()) if each.is_symlink() else each.read_bytes()
        time = None if each.is_symlink() else status.st_mtime_ns
        found[each.name] = (stat.S_IFMT(status.st_mode), stat.S_IMODE(status.st_mode), content, time)
    return found


KINDS = pytest.mark.parametrize("before", [nothing, a_file, a_program, a_link, a_dangling_link])


@KINDS
@pytest.mark.parametrize(
    "ending", [None, Interrupted(15), ValueError("a bug")], ids=["end", "signal", "exception"]
)
def test_what_stood_there_is_put_back(path, records, before, ending):
    before(path)
    stood = state(path)
    try:
        with replaced_file(path, OURS, records):
            assert path.read_bytes() == OURS
            assert not path.is_symlink()
            assert stat.S_IMODE(path.stat().st_mode) == 0o644
            if ending:
                raise ending
    except (Interrupted, ValueError):
        pass
    assert state(path) == stood


def killed(path, records):
    """A build that ended without a word: what is on the disk stays as it is in the middle."""
    pid = os.fork()
    if pid == 0:
        with replaced_file(path, OURS, records):
            os._exit(0)
    os.waitpid(pid, 0)


@KINDS
def test_the_next_start_puts_back_what_a_killed_build_left(path, records, before):
    before(path)
    stood = state(path)
    killed(path, records)
    assert path.read_bytes() == OURS
    assert put_back_leftover(path, records)
    assert state(path) == stood
    assert not put_back_leftover(path, records)


def test_the_next_build_puts_it_back_too(path, records):
    a_file(path)
    stood = state(path)
    killed(path, records)
    with replaced_file(path, b"another", records):
        assert path.read_bytes() == b"another"
    assert state(path) == stood


def test_what_somebody_wrote_since_is_left(path, records):
    a_file(path)
    killed(path, records)
    path.write_bytes(b"newer")
    assert not put_back_leftover(path, records)
    assert path.read_bytes() == b"newer"


def test_killed_while_it_wrote_it_is_put_back(path, records):
    a_file(path)
    killed(path, records)
    path.write_bytes(OURS[:5])
    assert put_back_leftover(path, records)
    assert path.read_bytes() == b"theirs"


def test_a_record_that_is_cut_off_means_that_nothing_was_touched(path, records):
    a_file(path)
    killed(path, records)
    (record,) = records.glob("*.json")
    record.write_text(record.read_text()[:20])
    path.write_bytes(b"theirs")
    assert not put_back_leftover(path, records)
    assert path.read_bytes() == b"theirs"


def test_two_builds_of_one_checkout_do_not_meet(path, records):
    with replaced_file(path, OURS, records):
        with pytest.raises(Conflict), replaced_file(path, b"another", records):
            pass
        with pytest.raises(Conflict):
            put_back_leftover(path, records)
        assert path.read_bytes() == OURS


def test_a_folder_is_not_replaced(path, records):
    path.mkdir()
    with pytest.raises(UsageError, match="is no file"), replaced_file(path, OURS, records):
        pass
    assert path.is_dir()


def test_somebody_elses_records_are_not_obeyed(path, records, tmp_path):
    (tmp_path / "real").mkdir()
    records.symlink_to(tmp_path / "real")
    with pytest.raises(UsageError, match="belongs to somebody else"), replaced_file(path, OURS, records):
        pass


def test_records_live_in_gits_own_folder(tmp_path):
    (tmp_path / ".git").mkdir()
    assert records_of(tmp_path) == tmp_path / ".git" / "lading"


def test_a_record_says_what_stood_there(path, records):
    a_file(path)
    with replaced_file(path, OURS, records):
        (record,) = records.glob("*.json")
        assert json.loads(record.read_bytes())["kind"] == "file"
