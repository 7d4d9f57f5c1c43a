#!/usr/bin/env bash
# Makes (once) a virtual environment under .tools with the packages of .ci/NAME.txt,
# all of them pinned, and prints its folder. Exits with 75 when this machine can't,
# with the reason on the last line.
#   venv.sh NAME
set -euo pipefail
pins=.ci/$1.txt
# The name holds the pins' checksum: other pins, another environment.
venv=$PWD/.tools/venv-$1-$(cksum <"$pins" | cut -d' ' -f1)
if [ ! -e "$venv/ready" ]; then
  command -v python3 >/dev/null || { echo "python3 is missing; install it (Debian: apt-get install python3-venv)"; exit 75; }
  rm -rf "$venv"
  python3 -m venv "$venv" >/dev/null 2>&1 || { echo "python3 can't make virtual environments; install python3-venv"; exit 75; }
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$pins" >&2 || { echo "pip could not install what $pins lists, see above"; exit 75; }
  touch "$venv/ready"
fi
echo "$venv"
