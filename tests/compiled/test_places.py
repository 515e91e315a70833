"""Places where a directory cannot be exchanged: mount points, parents that are read only.

A child has file systems of its own, which needs root or user namespaces.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from mcucc.compiled.output import replace_files
from tests.compiled.layouts import NEW, OLD, leftovers, put, state, wanted

CHECKOUT = Path(__file__).resolve().parents[2]
_PROGRAM = """
import os, sys
from pathlib import Path
from mcucc.errors import UsageError
from mcucc.compiled.output import replace_files
from tests.compiled.dying import dies_at
from tests.compiled.layouts import Layout, NEW, OLD, is_between, leftovers, put, state, wanted

def visible(home):
    return {n: digest for n, digest in state(home).items() if not n.startswith(".mcucc-")}

def all_deaths(home):
    seen, fatal, died = set(), 0, True
    while died:
        fatal += 1
        replace_files(home, OLD)
        assert state(home) == wanted(OLD) and leftovers(home.parent) == []
        died = dies_at(fatal, lambda: replace_files(home, NEW))
        found = visible(home)
        assert found in (wanted(OLD), wanted(NEW)) or is_between(state(home), {}), found
        seen.add("old" if found == wanted(OLD) else "new" if found == wanted(NEW) else "between")
    assert {"old", "new"} <= seen, seen
    assert state(home) == wanted(NEW) and leftovers(home.parent) == []

def two(home):
    for contents in (OLD, NEW):
        replace_files(home, contents)
        assert state(home) == wanted(contents) and leftovers(home.parent) == []

def full(home):
    replace_files(home, OLD)
    big = {**NEW, "big.c": b"x" * (1 << 21)}
    try:
        replace_files(home, big)
    except UsageError as error:
        assert "No space left on device" in str(error), error
    else:
        raise AssertionError("it fits")
    assert state(home) == wanted(OLD) and leftovers(home.parent) == []
    replace_files(home, NEW)
    assert state(home) == wanted(NEW)
"""


def _in_own_mounts(script: str, home: Path, program: str) -> None:
    """Run shell commands that mount, then a program, in file systems that nobody else sees."""
    rights = ["--mount"] if os.geteuid() == 0 else ["--mount", "--map-root-user"]
    command = f'set -e; {script}; exec {sys.executable} -c "$1" "$2"'
    done = subprocess.run(
        ["unshare", *rights, "sh", "-c", command, "sh", f"{_PROGRAM}{program}", str(home)],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), "HOME_DIRECTORY": str(home)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if "unshare failed" in done.stderr or "mount:" in done.stderr:
        complaint = f"no file systems can be mounted here: {done.stderr.strip()}"
        if os.environ.get("MCUCC_REQUIRE_MODELS") == "1":
            pytest.fail(complaint)
        pytest.skip(complaint)
    assert done.returncode == 0, done.stderr


linux = pytest.mark.skipif(sys.platform != "linux", reason="unshare and tmpfs are Linux")
_MOUNT = 'mount -t tmpfs -o size=1m none "$HOME_DIRECTORY"'


_MOUNT_ABOVE = 'mount -t tmpfs -o size=1m none "$HOME_DIRECTORY/.."; mkdir "$HOME_DIRECTORY"'
_BIND = 'mount --bind "$HOME_DIRECTORY" "$HOME_DIRECTORY"'
_READ_ONLY_ABOVE = (
    'mount --bind "$HOME_DIRECTORY/.." "$HOME_DIRECTORY/.."; '
    f'{_BIND}; mount -o remount,bind,ro "$HOME_DIRECTORY/.."'
)


@linux
@pytest.mark.parametrize(
    ("prepare", "program"),
    [
        pytest.param(_MOUNT, "all_deaths", id="mount point"),
        pytest.param(_MOUNT, "full", id="full mount point"),
        pytest.param(_MOUNT_ABOVE, "full", id="full disk"),
        pytest.param(_BIND, "two", id="bind mount"),
        pytest.param(_READ_ONLY_ABOVE, "all_deaths", id="read-only parent"),
    ],
)
def test_a_place(prepare: str, program: str, tmp_path: Path) -> None:
    home = tmp_path / "parent" / "out"
    home.mkdir(parents=True)
    _in_own_mounts(prepare, home, f"{program}(Path(sys.argv[1]))")


@pytest.mark.skipif(os.name != "posix", reason="there are no modes")
def test_a_parent_that_may_not_be_written() -> None:
    """Root may write everywhere, so another user tries; pytest's own folders are closed to it."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        home = folder / "out"
        put(home, OLD)
        user = os.geteuid() or 65534
        for path in (home, *home.rglob("*")):
            os.chown(path, user, -1)
        folder.chmod(0o555)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                os.seteuid(user)
                replace_files(home, NEW)
                status = 0
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        folder.chmod(0o755)
        assert state(home) == wanted(NEW)
        assert leftovers(folder) == []
