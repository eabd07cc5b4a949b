# Builds with the Docker Engine of DOCKER_HOST, for its platform; sourced by scripts/build-image.
# shellcheck shell=bash disable=SC2154

docker=$(docker_client)
"$docker" version > /dev/null 2>&1 || fail "no Docker Engine answers at ${DOCKER_HOST:-its usual socket}" 4
platform=linux/$("$docker" version --format '{{.Server.Arch}}')

# build NAME TAG [OPTION...]
build() {
  local name=$1 tag=$2 log=$scratch/log
  shift 2
  describe "$name"
  context "$name" "$platform"
  tag=${tag/@VERSION@/v$version}
  say "building $tag"
  DOCKER_BUILDKIT=1 "$docker" build --progress plain --file "$(dockerfile "$name")" --tag "$tag" \
    --build-arg "SOURCE_DATE_EPOCH=$epoch" "${labels[@]/#/--label=}" "$@" "$folder" > "$log" 2>&1 ||
    { tail -20 "$log" >&2; fail "building $tag failed"; }
  reference=$tag
}

build "$base_name" "$base" --build-arg "PYTHON_IMAGE=$(scripts/base-image "${options[@]}")"
"$docker" tag "$base" "$prefix/${base##*/}"
for name in "${names[@]}"; do
  build "$name" "$prefix/$name:@VERSION@" --build-arg "BASE_IMAGE=$base" "${arguments[@]/#/--build-arg=}"
  printf '%s\n' "$reference"
done
