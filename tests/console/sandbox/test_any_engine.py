"""Who has no engine, and cannot install one, is told what to do."""

from pathlib import Path

import pytest

from console.sandbox import private_engine
from console.sandbox.debian import Machine
from console.sandbox.private_engine import any_engine, processes_naming
from runner.errors import Unavailable


@pytest.mark.parametrize("apt", [True, False])
def test_who_is_not_root_is_told_to_start_docker(monkeypatch, apt):
    monkeypatch.setattr(private_engine, "find_engine", lambda _environment: None)
    monkeypatch.setattr(Machine, "this", lambda: Machine(apt=apt, root=False, codename=""))
    with pytest.raises(Unavailable, match="Start Docker"), any_engine({}, print):
        pass


def test_root_of_another_system_is_told_what_is_missing(monkeypatch):
    monkeypatch.setattr(private_engine, "find_engine", lambda _environment: None)
    monkeypatch.setattr(Machine, "this", lambda: Machine(apt=False, root=True, codename=""))
    monkeypatch.setattr("console.sandbox.debian.find", lambda _program: None)
    with pytest.raises(Unavailable, match="Missing here: dockerd"), any_engine({}, print):
        pass


def test_processes_are_found_by_the_whole_path_of_their_folder(tmp_path):
    for pid, command in (("10", "dockerd\0--data-root\0/t/e.1/data"), ("11", "x\0/t/e.12/data"), ("12", "")):
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "cmdline").write_text(command)
    (tmp_path / "13").mkdir()  # it ended meanwhile
    assert processes_naming(Path("/t/e.1"), tmp_path) == [10]
