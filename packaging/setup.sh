#!/bin/sh
# Builds .venv with the program and its tools, and installs the system libraries that Qt needs where that is possible.
# Does nothing when everything is already there. Usage: packaging/setup.sh [run|test]
set -eu
cd "$(dirname "$0")/.."
purpose=${1:-run}

python=${PYTHON:-}
if [ -z "$python" ]; then
    for candidate in python3.11 python3.12 python3.13 python3; do
        if command -v "$candidate" >/dev/null 2>&1; then python=$candidate; break; fi
    done
fi
[ -n "$python" ] || { echo "error: Python 3.11 or newer is needed; install it, or set PYTHON to its path." >&2; exit 2; }
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "error: $("$python" --version) is too old; install Python 3.11 or newer, or set PYTHON to its path." >&2
    exit 2
}

# --- system libraries (Linux) -------------------------------------------------------------------------------------
# Asked of the loader, so that it does not matter who installed them.
missing=""
need() { ldconfig -p 2>/dev/null | grep -q "$1" || missing="$missing $2"; }
if [ "$(uname -s)" = Linux ]; then
    PATH=$PATH:/sbin:/usr/sbin
    need libEGL.so.1 libegl1
    need libGL.so.1 libgl1
    need libxkbcommon.so.0 libxkbcommon0
    need libxkbcommon-x11.so.0 libxkbcommon-x11-0
    need libdbus-1.so.3 libdbus-1-3
    need libfontconfig.so.1 libfontconfig1
    need libxcb-cursor.so.0 libxcb-cursor0
    need libxcb-icccm.so.4 libxcb-icccm4
    need libxcb-image.so.0 libxcb-image0
    need libxcb-keysyms.so.1 libxcb-keysyms1
    need libxcb-randr.so.0 libxcb-randr0
    need libxcb-render-util.so.0 libxcb-render-util0
    need libxcb-shape.so.0 libxcb-shape0
    need libxcb-xkb.so.1 libxcb-xkb1
    [ "$purpose" = test ] && { command -v Xvfb >/dev/null 2>&1 || missing="$missing xvfb"; }
    # Without any font installed Qt draws boxes.
    command -v fc-list >/dev/null 2>&1 && [ -n "$(fc-list 2>/dev/null | head -n 1)" ] || missing="$missing fontconfig fonts-dejavu-core"
fi
if [ -n "$missing" ]; then
    as_root=""
    [ "$(id -u)" = 0 ] || as_root="sudo -n"
    if command -v apt-get >/dev/null 2>&1 && { [ -z "$as_root" ] || $as_root true 2>/dev/null; }; then
        echo "Installing the system libraries that the window needs:$missing"
        $as_root apt-get update -qq || true
        # shellcheck disable=SC2086
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null || {
            echo "warning: these system libraries could not be installed:$missing" >&2
        }
    else
        echo "warning: the window may not start; install these system libraries (Debian's names):$missing" >&2
    fi
fi

# --- virtual environment --------------------------------------------------------------------------------------------
stamp=.venv/.installed-$purpose
lock=packaging/lock.txt
if [ -x .venv/bin/python ] && [ -f "$stamp" ] && [ ! pyproject.toml -nt "$stamp" ] && [ ! $lock -nt "$stamp" ]; then
    exit 0
fi
[ -x .venv/bin/python ] || "$python" -m venv .venv || {
    echo "error: the virtual environment could not be made; on Debian install the package python3-venv." >&2
    exit 2
}
echo "Installing the program into .venv (the first time this takes some minutes)…"
install() { .venv/bin/python -m pip install --quiet --disable-pip-version-check "$@"; }

# The tested set: these files and no others, for the machine that they are of (see packaging/lock.py).
locked() {
    .venv/bin/python -c 'import platform, sys
sys.exit((sys.version_info[:2], platform.system(), platform.machine()) != ((3, 11), "Linux", "x86_64"))' || {
        why="it is of CPython 3.11 on Linux (x86-64)"
        return 1
    }
    why="pip said why above"
    install --no-deps --require-hashes --requirement $lock && install --no-deps --no-build-isolation --editable .
}

# Whatever fits: torch first, for the builds for processors alone are found by its own range, and nothing else pulls in
# a larger one.
ranged() {
    install --upgrade "pip>=24"
    install "$(sed -n 's/^ *"\(torch>=[^"]*\)",*$/\1/p' pyproject.toml)"
    if [ "$purpose" = test ]; then install --editable ".[dev]"; else install --editable .; fi
}

how=ranges
if [ "$purpose" = test ] && locked; then
    how=lock
elif [ "$purpose" = test ]; then
    if [ "${CI:-}" = true ]; then
        echo "error: the tested set of packages ($lock) cannot be installed: $why; make it anew with 'make lock'." >&2
        exit 2
    fi
    echo "The tested set of packages ($lock) cannot be installed here ($why); what fits pyproject.toml is installed instead."
fi
if [ "$how" = ranges ]; then ranged; fi
.venv/bin/python -m compileall -q explorer
echo "$how" >"$stamp"
[ "$purpose" = test ] && echo "$how" >.venv/.installed-run
exit 0
