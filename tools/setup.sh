#!/bin/sh
# Builds .venv when it is missing or stale, and does nothing, quickly, when it is fresh.
#
# Needs Python 3.11 to 3.14 and nothing else. PYTHON=/path/to/python chooses one; otherwise the first that works is
# taken. Stale means: pyproject.toml or constraints.txt changed since .venv was built, or the project was moved.
set -eu

project=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
cd "$project"
venv=.venv
stamp=$venv/.cosell-setup
place=$venv/.cosell-place

say() { printf '%s\n' "$*" >&2; }

# What .venv was built from: compared by content, so that a checkout which only touches files rebuilds nothing.
ingredients() {
    cat pyproject.toml constraints.txt tools/setup.sh
}

# The programs in .venv/bin name their Python by its full path: a .venv that was moved has to be built anew.
is_in_its_place() {
    [ "$(cat "$place" 2>/dev/null)" = "$project" ] && "$venv/bin/python" -c 'import pip' 2>/dev/null
}

is_supported() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' >/dev/null 2>&1
}

can_make_environments() {
    "$1" -c 'import ensurepip, venv' >/dev/null 2>&1
}

find_python() {
    seen=''
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.14}; do
        version=$("$candidate" -c 'import platform; print(platform.python_version())' 2>/dev/null) || continue
        if ! is_supported "$candidate"; then
            seen="$seen
  $candidate is Python $version."
        elif ! can_make_environments "$candidate"; then
            seen="$seen
  $candidate (Python $version) lacks the venv module; on Debian and Ubuntu: apt install python3-venv"
        else
            printf '%s\n' "$candidate"
            return 0
        fi
    done
    say "cosell-sync needs Python 3.11 to 3.14, and found none that will do.${seen}"
    say "Install one, or name one: make setup PYTHON=/path/to/python3.12"
    return 1
}

if [ -f "$stamp" ] && ingredients | cmp -s - "$stamp" && is_in_its_place; then
    exit 0
fi

if is_in_its_place && is_supported "$venv/bin/python"; then
    say "Bringing .venv up to date."
    rm -f "$stamp"
else
    python=$(find_python)
    say "Building .venv with $("$python" -V). The first time takes a minute or two."
    "$python" -m venv --clear "$venv"
    printf '%s\n' "$project" >"$place"
fi

# A pip configured for installs outside of virtual environments would refuse to work in one.
PIP_USER=0
PIP_DISABLE_PIP_VERSION_CHECK=1
export PIP_USER PIP_DISABLE_PIP_VERSION_CHECK
# The build tool comes from constraints.txt too, hence first and without an isolated build.
"$venv/bin/python" -m pip install --quiet --constraint constraints.txt hatchling
"$venv/bin/python" -m pip install --quiet --constraint constraints.txt --no-build-isolation --editable '.[dev]'

ingredients >"$stamp.new"
mv "$stamp.new" "$stamp"
say "Ready: .venv/bin/cosell"
