#!/usr/bin/env bash
# Runs the AWS contract tests against moto, an independent imitation of AWS: what
# our own simulator gets wrong, these tests would not see against it alone.
# Takes a package pattern or none. Exits with 75 and the reason when it can't run here.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=$(bash .ci/venv.sh moto) || { rc=$?; echo "$venv"; exit "$rc"; }

mkdir -p .local
state=$(mktemp -d .local/moto.XXXXXX)
server=
stop() {
  [ -z "$server" ] || { kill "$server" && wait "$server"; } 2>/dev/null || true
  rm -rf "$state"
}
trap stop EXIT

# Port 0: the system picks a free one. moto has no locks: of two calls that meet, one
# may be answered with a 500, or undo the other with its transaction's roll-back. So
# they take turns, but for a poll, which would keep the message from coming.
"$venv/bin/python" - "$state/url" >"$state/log" 2>&1 <<'PYTHON' &
import os, sys, threading
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

moto = DomainDispatcherApplication(create_backend_app)
turn = threading.Lock()

def serve(environ, start_response):
    if environ.get("HTTP_X_AMZ_TARGET") == "AmazonSQS.ReceiveMessage":
        return moto(environ, start_response)
    with turn:
        return moto(environ, start_response)

server = make_server("127.0.0.1", 0, serve, threaded=True)
with open(sys.argv[1] + ".new", "w") as f:
    f.write(f"http://127.0.0.1:{server.server_port}")
os.rename(sys.argv[1] + ".new", sys.argv[1])
server.serve_forever()
PYTHON
server=$!
for _ in $(seq 150); do
  [ ! -e "$state/url" ] || break
  kill -0 "$server" 2>/dev/null || break
  sleep 0.2
done
[ -e "$state/url" ] || { cat "$state/log"; echo "moto did not start"; exit 1; }

# Tests look for LINKERSYNC_TEST_AWS_ENDPOINT, so that an AWS_ENDPOINT_URL of the
# developer's own never turns `make test` elsewhere; the rest is for the SDK.
LINKERSYNC_TEST_AWS_ENDPOINT=$(cat "$state/url")
export LINKERSYNC_TEST_AWS_ENDPOINT AWS_ENDPOINT_URL=$LINKERSYNC_TEST_AWS_ENDPOINT
export AWS_REGION=eu-central-1 AWS_DEFAULT_REGION=eu-central-1 AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
echo "moto listens on $AWS_ENDPOINT_URL"

packages=$*
if [ -z "$packages" ]; then
  packages=$(grep -rlE --include='*_test.go' '^//go:build aws|LINKERSYNC_TEST_AWS_ENDPOINT' shared functions action internal |
    xargs -n1 dirname | sort -u | sed 's|^|./|')
fi
# One test at a time, for the polls' sake.
# shellcheck disable=SC2086 # a list of packages
go test -tags aws,lambda.norpc -shuffle=on -count=1 -p 1 -parallel 1 $packages
