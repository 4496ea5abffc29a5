"""What is left of an engine is removed while others come and go."""

import os
from pathlib import Path

from console.sandbox import private_engine


def test_a_cgroup_of_another_engine_that_goes_away_meanwhile_is_passed_by(tmp_path, monkeypatch):
    other = tmp_path / "cgroup" / "unified" / "lading-engine.other"
    own = tmp_path / "cgroup" / "unified" / "lading-engine.own"
    for cgroup in (other, own / "docker" / "container"):
        cgroup.mkdir(parents=True)
    folder = tmp_path / own.name
    folder.mkdir()
    scandir = os.scandir

    def vanishing(path):
        if Path(path) == other and other.exists():
            other.rmdir()
        return scandir(path)

    monkeypatch.setattr(os, "scandir", vanishing)
    monkeypatch.setattr(private_engine, "CGROUPS", tmp_path / "cgroup")
    private_engine.discard(folder)
    assert not other.exists()
    assert not own.exists()
    assert not folder.exists()
