"""A folder is removed with what was mounted in it unmounted, not deleted."""

from pathlib import Path

from console.sandbox.mounts import mounted_below, remove

MOUNTINFO = """\
22 1 8:1 / / rw,relatime - ext4 /dev/root rw
30 22 0:4 net:[1] /tmp/a/netns/default rw - nsfs nsfs rw
31 22 0:5 / /tmp/ab rw - tmpfs tmpfs rw
32 22 0:6 / /tmp/a/with\\040space rw - tmpfs tmpfs rw
33 22 0:7 / /tmp/a rw - tmpfs tmpfs rw
"""


def test_mounts_below_a_folder_are_found_the_deepest_first():
    assert mounted_below(Path("/tmp/a"), MOUNTINFO) == ["/tmp/a/netns/default", "/tmp/a/with space", "/tmp/a"]


def test_a_folder_is_removed_and_an_absent_one_is_no_error(tmp_path):
    folder = tmp_path / "folder"
    (folder / "below").mkdir(parents=True)
    (folder / "below/file").write_text("x")
    remove(folder)
    remove(folder)
    assert list(tmp_path.iterdir()) == []
