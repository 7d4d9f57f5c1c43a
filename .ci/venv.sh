#!/usr/bin/env bash
# Makes (once) a virtual environment under .tools with pinned packages, and prints its
# folder. Exits with 75 when this machine can't, with the reason on the last line.
#   venv.sh NAME PACKAGE==VERSION...
set -euo pipefail
name=$1; shift
venv="$PWD/.tools/venv-$name"
stamp="$venv/.made-of"
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$*" ]; then echo "$venv"; exit 0; fi
command -v python3 >/dev/null || { echo "python3 is missing; install it (Debian: apt-get install python3-venv)"; exit 75; }
rm -rf "$venv"
python3 -m venv "$venv" >/dev/null 2>&1 || { echo "python3 can't make virtual environments; install python3-venv"; exit 75; }
"$venv/bin/pip" install --quiet --disable-pip-version-check "$@" >&2 || { echo "pip could not install $*"; exit 75; }
echo "$*" >"$stamp"
echo "$venv"
