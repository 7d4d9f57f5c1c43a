#!/usr/bin/env bash
# Tests the status page in Debian's Chromium. With a folder as argument it also writes
# screenshots there. With the word picture it only draws the page of a real run, for docs/. Exits with 75 and the reason when it can't run here.
set -euo pipefail
sudo=()
[ "$(id -u)" = 0 ] || sudo=(sudo -n)
CHROMIUM=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [ -z "$CHROMIUM" ]; then
  { "${sudo[@]}" apt-get update -qq && "${sudo[@]}" apt-get install -y -qq --no-install-recommends chromium; } >/dev/null 2>&1 || true
  CHROMIUM=$(command -v chromium) || { echo "chromium is not installed, and could not be"; exit 75; }
fi
for tool in node npm; do command -v "$tool" >/dev/null || { echo "test-page: $tool is missing"; exit 75; }; done
mkdir -p .tools/page
cp .ci/page/* .tools/page/
(cd .tools/page && npm install --silent --no-audit --no-fund --no-package-lock --ignore-scripts) || { echo "the browser's driver could not be installed"; exit 75; }
export CHROMIUM
if [ "${1:-}" = picture ]; then
  page=$(mktemp --suffix .html)
  trap 'rm -f "$page"' EXIT
  PAGE=$page bash .ci/tasks.sh
  node .tools/page/picture.js "$page" docs
  exit
fi
PAGE_SAMPLES=$(mktemp -d)
trap 'rm -rf "$PAGE_SAMPLES"' EXIT
go test ./action/internal/status -count=1 -run 'TestPageEscapesAndIsSmall' -samples "$PAGE_SAMPLES"
SCREENSHOTS=${1:-}
export PAGE_SAMPLES SCREENSHOTS
node --test .tools/page/page.test.js
