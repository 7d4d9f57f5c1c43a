# shellcheck shell=bash
# Sourced by the scripts that need Docker. It uses the daemon that is there, or
# installs and starts one and ends it again, by its pid, when the script ends.
# Exits with 75 and the reason when there can be none here.

dockerd_pid=
docker_cleanup=()

# skip REASON: "can't run here", for .ci/run.
skip() { echo "$1"; exit 75; }

# at_exit COMMAND: run it when the script ends, last one first.
at_exit() { docker_cleanup=("$1" "${docker_cleanup[@]}"); }

docker_exit() {
  local command
  for command in "${docker_cleanup[@]}"; do eval "$command" || true; done
  [ -z "$dockerd_pid" ] || { kill "$dockerd_pid" && wait "$dockerd_pid"; } 2>/dev/null || true
}
trap docker_exit EXIT

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }

# need_packages COMMAND=PACKAGE...: install what is missing, where apt-get and root are.
need_packages() {
  local pair missing=()
  for pair in "$@"; do command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}"); done
  [ ${#missing[@]} -eq 0 ] && return
  { command -v apt-get && as_root true; } >/dev/null 2>&1 || skip "not installed: ${missing[*]}"
  { as_root apt-get update -qq && as_root apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >/dev/null 2>&1 ||
    skip "could not install: ${missing[*]}"
}

need_docker() {
  need_packages docker=docker.io
  docker info >/dev/null 2>&1 && return
  [ "$(id -u)" = 0 ] || skip "no Docker daemon answers, and only root can start one"
  need_packages dockerd=docker.io
  local log
  log=$(mktemp)
  # No bridge and no packet filter: everything here uses the host's loopback, or no network.
  dockerd --iptables=false --bridge=none >"$log" 2>&1 &
  dockerd_pid=$!
  for _ in $(seq 150); do
    docker info >/dev/null 2>&1 && { rm -f "$log"; return; }
    kill -0 "$dockerd_pid" 2>/dev/null || break
    sleep 0.2
  done
  tail -n 3 "$log"; rm -f "$log"
  skip "the Docker daemon doesn't start here"
}

# standin_name: the tag of the stand-in for this Go and these modules.
standin_name() { echo "linkersync-standin:$({ go version; cat go.sum; } | cksum | cut -d' ' -f1)"; }

# standin_image TAG: a build base for machines that can't pull one: the machine's own
# Go toolchain, CA file and downloaded modules on top of busybox. Never publish it,
# nor what is built with it.
standin_image() {
  ! docker image inspect "$1" >/dev/null 2>&1 || return 0
  need_packages busybox=busybox-static
  local root goroot modules
  root=$(mktemp -d)
  at_exit "chmod -R u+w '$root'; rm -rf '$root'"
  goroot=$(go env GOROOT)
  mkdir -p "$root"/{bin,etc/ssl/certs,tmp,usr/local/go,modules,root,work}
  cp "$(command -v busybox)" "$root/bin/busybox"
  for name in $("$root/bin/busybox" --list); do ln -s busybox "$root/bin/$name" 2>/dev/null || true; done
  [ ! -e /etc/ssl/certs/ca-certificates.crt ] || cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
  echo "root:x:0:0:root:/root:/bin/sh" >"$root/etc/passwd"
  # The modules' own cache layout is a proxy's, so that the build needs no network.
  go mod download
  modules=$(go env GOMODCACHE)/cache/download
  GOMODCACHE="$root/cache" GOFLAGS=-modcacherw GOSUMDB=off GOPROXY="file://$modules" go mod download
  mv "$root/cache/cache/download"/* "$root/modules/"
  rm -rf "$root/cache"
  tar -C "$goroot" --exclude=./test --exclude=./api --exclude=./doc --exclude=./pkg/obj -cf - . | tar -C "$root/usr/local/go" -xf -
  tar -C "$root" -c . | docker import \
    --change "ENV PATH=/usr/local/go/bin:/bin" --change "ENV GOPROXY=file:///modules" --change "ENV GONOSUMDB=*" --change "ENV GOSUMDB=off" \
    --change "ENV GOTOOLCHAIN=local" --change "ENV HOME=/root" --change 'CMD ["/bin/sh"]' - "$1" >/dev/null
}
