#!/usr/bin/env bash
# Measures the action: the image's size; a whole no-change apply of 250 values against
# the simulators beside the start of node, which every JavaScript action pays before its
# first line; peak memory. Medians over 20 runs, in turn, so that a busy machine hits both.
set -euo pipefail
cd "$(dirname "$0")/.."
for tool in node python3; do command -v $tool >/dev/null || { echo "$tool is not installed"; exit 75; }; done

work=$(mktemp -d)
simulators=
stop() {
  [ -z "$simulators" ] || { kill "$simulators" && wait "$simulators"; } 2>/dev/null || true
  rm -rf "$work"
}
trap stop EXIT

go build -o "$work/ci" ./internal/tools/ci
mkfifo "$work/commands"
"$work/ci" "$work/env.json" <"$work/commands" &
simulators=$!
exec 3>"$work/commands"
for _ in $(seq 100); do [ -e "$work/env.json" ] && break; sleep 0.1; done
[ -e "$work/env.json" ] || { echo "the simulators did not start"; exit 1; }

{
  printf 'version: 1\napp: example-linker-app\nlinkers:\n  - key: issues\n    values:\n'
  for i in $(seq 250); do printf '      - PROJ%03d\n' "$i"; done
} >"$work/linkersync.yaml"

python3 - "$work" <<'PYTHON'
import json, os, resource, statistics, subprocess, sys, time
work = sys.argv[1]
env = {**os.environ, **json.load(open(work + "/env.json")), "LINKERSYNC_COMMAND": "apply", "LINKERSYNC_INSTALLATION": "all"}
for name in list(env):
    if name.startswith(("GITHUB_", "BITBUCKET_BUILD")):
        del env[name]

def run(*command):
    """Wall-clock milliseconds and peak memory in MiB of one process."""
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=work, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    took = (time.perf_counter() - started) * 1000
    if status:
        sys.exit(out.decode())
    return took, usage.ru_maxrss / 1024, out.decode()

apply = [os.path.abspath("bin/linkersync"), "action"]
run(*apply)  # this one adds the values
figures = {"apply": [], "node": []}
memory = []
for _ in range(20):
    took, peak, out = run(*apply)
    if "Apply: nothing changed" not in out:
        sys.exit("not a no-change apply:\n" + out)
    figures["apply"].append(took)
    memory.append(peak)
    figures["node"].append(run("node", "-e", "0")[0])
apply_ms, node_ms = (statistics.median(figures[name]) for name in ("apply", "node"))
print(f"no-change apply of 250 values: {apply_ms:.1f} ms; node -e 0: {node_ms:.1f} ms (medians of 20, in turn); ratio {apply_ms / node_ms:.2f} (limit 1)")
print(f"peak memory of the apply: {max(memory):.1f} MiB (limit 48)")
sys.exit(apply_ms > node_ms or max(memory) >= 48)
PYTHON
bash .ci/image.sh
