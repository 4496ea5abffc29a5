"""A folder goes with its owner, and what a killed owner left goes with the next."""

import shutil

from console.sandbox.owned_folder import owned_folder, sweep


def test_it_is_there_and_locked_within_the_block_and_gone_after(tmp_path):
    with owned_folder("x.", tmp_path, shutil.rmtree) as first:
        with owned_folder("x.", tmp_path, shutil.rmtree) as second:
            assert first.is_dir()
            assert second.is_dir()
        assert list(tmp_path.iterdir()) == [first]
    assert list(tmp_path.iterdir()) == []


def test_what_nobody_holds_is_removed_and_what_is_called_otherwise_or_linked_is_not(tmp_path):
    for name in ("x.left", "y.other"):
        (tmp_path / name).mkdir()
    (tmp_path / "x.link").symlink_to(tmp_path / "y.other")
    with owned_folder("x.", tmp_path, shutil.rmtree) as own:
        assert set(tmp_path.iterdir()) == {own, tmp_path / "y.other", tmp_path / "x.link"}


def test_a_folder_that_its_owner_is_removing_is_left_to_him(tmp_path):
    seen: list[object] = []

    def discard(folder):
        for file in folder.iterdir():
            file.unlink()
        sweep("x.", tmp_path, seen.append)
        folder.rmdir()

    with owned_folder("x.", tmp_path, discard) as own:
        (own / "a").touch()
    assert seen == []
