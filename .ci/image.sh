#!/usr/bin/env bash
# Builds the image of action.yml and pipe.yml as linkersync:VERSION and prints its sizes.
# GO_IMAGE overrides the build base; where the default can't be pulled, a stand-in made
# of this machine's Go takes its place.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=.ci/docker.sh
. .ci/docker.sh
need_docker

version=${VERSION:-$(git describe --tags --always --dirty 2>/dev/null || echo dev)}
image=${IMAGE:-linkersync:$version}
network=()
base=${GO_IMAGE:-$(sed -n 's/^ARG GO_IMAGE=//p' action/Dockerfile)}
if ! docker image inspect "$base" >/dev/null 2>&1 && ! timeout 300 docker pull -q "$base" 2>/dev/null; then
  echo "$base can't be pulled here: building with this machine's Go. Don't publish this image."
  base=$(standin_name)
  standin_image "$base"
  # It holds what the build needs; a real base downloads modules.
  network=(--network none)
fi
log=$(mktemp)
at_exit "rm -f '$log'"
docker build "${network[@]}" --build-arg "GO_IMAGE=$base" --build-arg "VERSION=$version" -t "$image" -f Dockerfile . >"$log" 2>&1 ||
  { cat "$log"; exit 1; }

unpacked=$(docker image inspect --format '{{.Size}}' "$image")
# The layers as a registry keeps them: each compressed.
layers=$(mktemp -d)
at_exit "rm -rf '$layers'"
docker save "$image" | tar -C "$layers" -xf -
compressed=$(find "$layers" -name layer.tar -exec gzip -6 -c {} \; | wc -c)
[ "$compressed" -gt 0 ] || compressed=$(find "$layers/blobs" -type f -exec gzip -6 -c {} \; | wc -c)
# The goal is 17 MB unpacked and 6.5 MB compressed. The SDK's clients for DynamoDB, EventBridge,
# S3 and SQS, which the verbs of a deployment need, take 2.4 MB of it. A template anywhere in the
# command would take 6 MB more: the linker then keeps every method of every client.
printf '%s: %s bytes unpacked (limit 18,000,000, goal 17,000,000), %s bytes compressed (limit 6,900,000, goal 6,500,000)\n' "$image" "$unpacked" "$compressed"
[ "$unpacked" -le 18000000 ] && [ "$compressed" -le 6900000 ] || { echo "image: over the limit"; exit 1; }
