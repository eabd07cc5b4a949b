# Shared by the scripts beside it; sourced, never run.
# Results go to stdout, everything for people to stderr. Exit 4: the machine lacks something.
# shellcheck shell=bash

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck disable=SC2034
cache=${DSTREAM_CACHE:-$repository/.cache}
install=${CI:-false} # may system packages be installed? Scripts set it to true on --install

say() { printf '%s\n' "$*" >&2; }
fail() { say "error: $1"; exit "${2:-1}"; }
help_text() { sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"; }
usage() { help_text >&2; exit 3; }

case ${1:-} in
  -h | --help) help_text && exit ;;
esac

# need COMMAND PACKAGE: have the command, from the distribution's package if installing is allowed
need() {
  PATH=$PATH:/usr/sbin:/sbin command -v "$1" > /dev/null && return
  [[ $install == true ]] || fail "\`$1\` is missing: \`apt-get install $2\`, or run this again with --install" 4
  [[ $(id -u) == 0 ]] || fail "\`$1\` is missing and installing \`$2\` needs root" 4
  command -v apt-get > /dev/null || fail "\`$1\` is missing and this is no Debian or Ubuntu: install it by hand" 4
  say "installing $2"
  local log
  log=$(mktemp)
  # One at a time: two scripts may come here together.
  (
    flock 9
    export DEBIAN_FRONTEND=noninteractive
    apt-get -o DPkg::Lock::Timeout=300 update && apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$2"
  ) 9> /run/dstream-apt.lock > "$log" 2>&1 || { tail -20 "$log" >&2; fail "installing \`$2\` failed, see $log" 4; }
  rm -f "$log"
}

# The docker client to build with: BuildKit comes as a plugin (buildx) or, in older clients, built in.
docker_client() {
  find_docker_client && return
  [[ $install == true ]] && need /usr/bin/docker docker.io && find_docker_client && return
  # Where docker.io is newer, the plugin is a package of its own.
  [[ $install == true ]] && need /usr/libexec/docker/cli-plugins/docker-buildx docker-buildx && find_docker_client && return
  fail "\`docker\` with BuildKit is missing: install docker.io, or Docker with its buildx plugin" 4
}

find_docker_client() {
  local candidate
  while read -r candidate; do
    if "$candidate" buildx version > /dev/null 2>&1 || [[ $("$candidate" --version) == *" 20."* ]]; then
      printf '%s\n' "$candidate"
      return
    fi
  done < <(type -ap docker)
  return 1
}

# content_hash PATH...: a short hash of what is in these files and folders, as far as it is in what is installed
content_hash() {
  (cd "$repository" && find "$@" -type f -not -path '*/__pycache__/*' -not -path '*.egg-info/*' \
    -not -path 'images/*/tests/*' -not -path 'images/*/.*' -not -path 'images/*/CHANGELOG.md' \
    -not -path 'images/*/Dockerfile' -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -c 1-16)
}

# A Python that can run dstream: $PYTHON, or the newest on the PATH
system_python() {
  local candidate
  for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then
      command -v "$candidate"
      return
    fi
  done
  fail 'Python 3.11 or newer is missing: install it, or name one in PYTHON' 4
}

# buildkit: the folder with `buildkitd` and `buildctl`, compiled once at the version of scripts/buildkit/go.mod. Where a
# builder is there already, and its client on the PATH, that one's.
buildkit() {
  local folder fresh
  if [[ -n ${BUILDKIT_HOST:-} ]] && type -P buildctl > /dev/null; then
    dirname "$(type -P buildctl)"
    return
  fi
  folder=$cache/buildkit-$(content_hash scripts/buildkit)
  if [[ ! -e $folder ]]; then
    need go golang-go
    say "building BuildKit: takes minutes the first time"
    mkdir -p "$cache"
    fresh=$(mktemp -d "$cache/buildkit-XXXXXX")
    CGO_ENABLED=0 go -C "$repository/scripts/buildkit" build -mod=readonly -trimpath -ldflags '-s -w' -o "$fresh/" \
      github.com/moby/buildkit/cmd/buildkitd github.com/moby/buildkit/cmd/buildctl >&2 ||
      { rm -rf "$fresh"; fail 'building BuildKit failed' 4; }
    # Two scripts may come here together: one of them is late, and what it has is the same.
    mv -T "$fresh" "$folder" 2> /dev/null || rm -rf "$fresh"
  fi
  printf '%s\n' "$folder"
}

# go_arch ARCHITECTURE: as Go and OCI call it
go_arch() {
  case $1 in
    x86_64 | amd64) echo amd64 ;;
    aarch64 | arm64) echo arm64 ;;
    *) fail "nothing is published for linux/$1" 3 ;;
  esac
}
