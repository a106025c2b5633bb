#!/bin/bash
# Models to and from the simulators themselves: snnTorch, Norse, Sinabs, SpikingJelly.
#   tests/interop/run.sh STC [TEST...]     STC: the command that was built
# Makes a virtual environment under build/ (kept; a few minutes and 2 GB the first time). Exit code:
# 0 if every test passed.
set -eu
[ $# -ge 1 ] || {
    sed -n '2,5s/^# //p' "$0" >&2
    exit 2
}
stc=$(realpath "$1")
shift
here=$(dirname "$(realpath "$0")")
root=$(realpath "$here/../..")
python=python3
# Debian's own packages of /usr/bin/python3 are not needed: all comes from requirements.txt.
wanted=$(cat "$here/requirements.txt" "$here/run.sh" | sha256sum | cut -c1-16)
venv=$root/build/interop-$wanted
if [ ! -e "$venv/complete" ]; then
    rm -rf "$root"/build/interop-*
    "$python" -m venv "$venv"
    pip=("$venv/bin/pip" --disable-pip-version-check install --quiet)
    "${pip[@]}" "$(grep '^torch==' "$here/requirements.txt")"
    "${pip[@]}" -r "$here/requirements.txt"
    "${pip[@]}" --no-deps sinabs==3.1.3
    touch "$venv/complete"
fi
export STC=$stc PYTHONDONTWRITEBYTECODE=1
cd "$here"
exec "$venv/bin/python" -W ignore -m interop "$@"
