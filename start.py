#!/usr/bin/env python3
"""Run Deskhand from a fresh clone: `python3 start.py demo`, `python3 start.py test`.

It needs Python 3.11, 3.12 or 3.13 with `venv` and nothing else. It makes `.venv` beside itself,
installs what `uv.lock` names there, and runs the command; the next time it only runs the command.
Other words are commands of Deskhand's (`python3 start.py status`).

This file is read by Pythons too old for Deskhand, which must be able to say so: it keeps to the
syntax of Python 3.6 and to the standard library.
"""

# It starts programs, always with a list of arguments.
# ruff: noqa: S603, S606
import hashlib
import os
import shutil
import subprocess
import sys
import time

OLDEST, NEWEST = (3, 11), (3, 13)
UV = "uv==0.13.9"
TRIES = 3

ROOT = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(ROOT, ".venv")
BIN = os.path.join(VENV, "Scripts" if os.name == "nt" else "bin")
PYTHON = os.path.join(BIN, "python.exe" if os.name == "nt" else "python")
STAMP = os.path.join(VENV, "deskhand-installed")


class Stuck(Exception):
    """Something stands in the way; the words say what to do about it."""


def main(arguments):
    if not arguments or arguments[0] in ("-h", "--help"):
        sys.stdout.write((__doc__ or "") + "\n")
        sys.stdout.flush()
        if arguments and os.path.exists(STAMP):
            subprocess.call([PYTHON, "-P", "-m", "bot", "--help"])
        return 0 if arguments else 2
    _use_a_fitting_python()
    with _OneAtATime():
        _install(for_tests=arguments[0] == "test")
    if arguments[0] == "test":
        os.chdir(ROOT)
        # Most of the suite's time is waiting, so two of them at a time take half as long.
        chosen = arguments[1:] or ["-n", "2", "--dist", "worksteal"]
        command = [PYTHON, "-m", "pytest", *chosen]
    else:
        # -P: a folder called `bot` where the command is run must not stand in for ours.
        command = [PYTHON, "-P", "-m", "bot", *arguments]
    sys.stdout.flush()
    if os.name == "nt":
        return subprocess.call(command)
    os.execv(PYTHON, command)
    return 1


# --- which Python -----------------------------------------------------------------------------


def _use_a_fitting_python():
    """Go on with another Python of this machine where this one is too old or too new."""
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        other = shutil.which(f"python3.{minor}")
        if other and _version_of(other) == (3, minor):
            _say(f"This is Python {_dotted(sys.version_info)}; going on with {other}.")
            sys.stdout.flush()
            os.execv(other, [other, os.path.abspath(__file__), *sys.argv[1:]])
    raise Stuck(
        f"Deskhand needs Python {_dotted(OLDEST)} to {_dotted(NEWEST)}, and this is Python "
        f"{_dotted(sys.version_info)} ({sys.executable}). Install Python 3.11 "
        "(on Debian 12: apt install python3 python3-venv) and run this with it."
    )


def _dotted(version):
    return ".".join(str(part) for part in version[:2])


def _version_of(python):
    """(major, minor) of an interpreter; None where it does not run."""
    try:
        said = subprocess.check_output(
            [python, "-c", "import sys; print(*sys.version_info[:2])"], stderr=subprocess.DEVNULL
        )
        return tuple(int(part) for part in said.split())
    except (OSError, ValueError, subprocess.CalledProcessError):
        return None


# --- what is installed ------------------------------------------------------------------------


def _install(for_tests):
    """Bring `.venv` to what the lock file says, unless it is there already."""
    python = _version_of(PYTHON) if os.path.exists(PYTHON) else None
    wanted = _fingerprint(python)
    if python is not None and _installed(wanted, for_tests):
        return
    begun = time.time()
    if python is None or not OLDEST <= python <= NEWEST:
        _make_venv()
        wanted = _fingerprint(_version_of(PYTHON))
    environment = _environment()
    uv = _uv(environment)
    _say("Installing what uv.lock names" + (", tools for tests included" if for_tests else ""))
    _sync(uv, environment, for_tests)
    with open(STAMP, "w") as stamp:
        stamp.write("{} {}\n".format(wanted, "test" if for_tests else "run"))
    _say(f"Ready after {time.time() - begun:.0f} s.")


def _fingerprint(python):
    digest = hashlib.sha256(repr((python, UV)).encode())
    for name in ("uv.lock", "pyproject.toml"):
        with open(os.path.join(ROOT, name), "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def _installed(wanted, for_tests):
    try:
        with open(STAMP) as stamp:
            fingerprint, what = stamp.read().split()
    except (OSError, ValueError):
        return False
    return fingerprint == wanted and (what == "test" or not for_tests)


def _make_venv():
    try:
        import ensurepip  # noqa: F401 -- only whether it is there
        import venv  # noqa: F401
    except ImportError as missing:
        raise Stuck(
            "This Python has no venv. On Debian and Ubuntu: apt install python3-venv "
            f"(or python{_dotted(sys.version_info)}-venv), then run this again."
        ) from missing
    _say(f"Making {VENV} with Python {_dotted(sys.version_info)}")
    if os.path.isdir(VENV):
        shutil.rmtree(VENV)
    if subprocess.call([sys.executable, "-m", "venv", VENV]) != 0:
        raise Stuck(
            f"{VENV} could not be made; the lines above say why. Is there space, and may you "
            "write there?"
        )


def _environment():
    """The environment of pip and uv: what pip is told, by variables or files, holds for both."""
    environment = dict(os.environ)
    for name in ("VIRTUAL_ENV", "PYTHONHOME", "PYTHONPATH"):
        environment.pop(name, None)
    environment.update(
        UV_PROJECT_ENVIRONMENT=VENV,
        UV_PYTHON_DOWNLOADS="never",
        PIP_DISABLE_PIP_VERSION_CHECK="1",
    )
    if not environment.get("UV_CACHE_DIR") and not os.access(os.path.expanduser("~"), os.W_OK):
        environment["UV_CACHE_DIR"] = os.path.join(VENV, "cache")
    return environment


def _as_for_pip(environment):
    """Tell uv what pip knows of the registry: its address, its certificates."""
    said = subprocess.run(
        [PYTHON, "-m", "pip", "config", "list"], env=environment, stdout=subprocess.PIPE
    ).stdout
    for line in said.decode("utf-8", "replace").splitlines():
        name, _, value = line.partition("=")
        key = {
            "index-url": "UV_DEFAULT_INDEX",
            "cert": "SSL_CERT_FILE",
            "trusted-host": "UV_INSECURE_HOST",
        }.get(name.rpartition(".")[2])
        if key and not environment.get(key):
            environment[key] = value.strip("'\"")


def _uv(environment):
    """The pinned uv in `.venv`; its path."""
    uv = os.path.join(BIN, "uv.exe" if os.name == "nt" else "uv")
    if subprocess.call([PYTHON, "-c", "import pip"], stderr=subprocess.DEVNULL) != 0:
        _run([PYTHON, "-m", "ensurepip", "--upgrade"], environment, "pip could not be set up", 1)
    _as_for_pip(environment)
    if os.path.exists(uv):
        try:
            said = subprocess.check_output([uv, "--version"]).decode().split()
            if said[1:2] == [UV.partition("==")[2]]:
                return uv
        except (OSError, subprocess.CalledProcessError):
            pass  # a broken one is replaced below
    _say(f"Installing {UV}")
    _run(
        [PYTHON, "-m", "pip", "install", "--quiet", UV],
        environment,
        "uv could not be installed; is the package registry reachable?",
    )
    return uv


def _sync(uv, environment, for_tests):
    dev = [] if for_tests else ["--no-dev"]
    failed = "the packages could not be installed; is the package registry reachable?"
    if not environment.get("UV_DEFAULT_INDEX"):
        # Inexact: uv itself stays, and what somebody else put there.
        command = [uv, "sync", "--locked", "--inexact", "--python", PYTHON, *dev]
        _run(command, environment, failed)
        return
    # The lock names the public registry's addresses. Another one is asked for the same versions,
    # and the lock's hashes say whether it gives the same files.
    listed = os.path.join(VENV, "locked.txt")
    quiet = ["--quiet", "--no-header", "--no-emit-project", "--output-file", listed]
    _run([uv, "export", "--frozen", *quiet, *dev], environment, "uv.lock cannot be read", 1)
    install = [uv, "pip", "install", "--python", PYTHON]
    _run([*install, "--require-hashes", "--requirement", listed], environment, failed)
    _run([*install, "--no-deps", "--editable", ROOT], environment, failed)


def _run(command, environment, failed, tries=TRIES):
    """Run a step, again where it may have been the network."""
    for attempt in range(1, tries + 1):
        code = subprocess.call(command, cwd=ROOT, env=environment)
        if code == 0:
            return
        if attempt < tries:
            # pip trusts the system's certificates besides its own; uv takes one or the other.
            environment["UV_SYSTEM_CERTS"] = "1" if attempt % 2 else "0"
            _say(f"That failed; trying again in {3 * attempt} s.")
            time.sleep(3 * attempt)
    raise Stuck(f"{failed} ({os.path.basename(command[0])} ended with {code})")


class _OneAtATime:
    """Two of these at once would build one `.venv` together; the second waits for the first."""

    def __enter__(self):
        self._file = open(os.path.join(ROOT, "pyproject.toml"))
        try:
            import fcntl
        except ImportError:
            return
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def __exit__(self, *_):
        self._file.close()


def _say(words):
    sys.stderr.write(f"start: {words}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Stuck as stuck:
        _say(str(stuck))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
