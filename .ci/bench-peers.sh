#!/usr/bin/env bash
# Installs the peer from npm, builds ours behind its plain HTTP adapter, and measures both.
set -euo pipefail
for tool in node npm taskset; do command -v "$tool" >/dev/null || { echo "bench-peers: $tool is missing"; exit 75; }; done
mkdir -p .tools/peers bin/peers
cp .ci/peers/* .tools/peers/
(cd .tools/peers && npm install --silent --no-audit --no-fund --ignore-scripts)
go test -c -tags peers,lambda.norpc -o bin/peers/lifecycle.test ./functions/lifecycle
go run ./internal/tools/peers
