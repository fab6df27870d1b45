#!/usr/bin/env bash
# Builds the images of the worker and of the sandbox with buildah, for the tests that run them. What a test needs of an
# image, its root file system and its configuration, is kept in the cache for the files that the image is made of (a
# minute and a half; half a minute less where the base images are in the cache).
#
# The base images come from their registry. Where it does not answer, root makes them of Debian's packages (debootstrap)
# and Node.js of npm's package. Where buildah or both ways to a base image are missing, it says so and ends with 0, and
# those tests are skipped; with IAM_BOOTSTRAP_REQUIRE_ALL=true, it ends with 1. It installs nothing on the system.
#
# With --folder, it prints the folder of the built images, and ends with 1 where they are not built.
set -euo pipefail
cd "$(dirname "$0")/.."

cache=${IAM_BOOTSTRAP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/iam-bootstrap}/images
inputs=(.dockerignore Dockerfile docker/sandbox.Dockerfile package.json package-lock.json LICENSE tsconfig.json
  tsconfig.build.json scripts/images.sh scripts/bundle-workflows.mjs src sandbox/requirements.txt sandbox/serve.py sandbox/strict_iam)
key=$(find "${inputs[@]}" -type f ! -name '*.pyc' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c 1-16)
folder=$cache/$key

if [ "${1:-}" = --folder ]; then
  [ -d "$folder" ] || exit 1
  echo "$folder"
  exit
fi
if [ -d "$folder" ]; then exit 0; fi

skip() {
  echo "== $1: the tests of the images are skipped"
  [ "${IAM_BOOTSTRAP_REQUIRE_ALL:-}" != true ] || exit 1
  exit 0
}
command -v buildah > /dev/null || skip 'buildah is not installed (Debian: apt-get install buildah)'
# A user other than root has files of several users in a user namespace of its own.
inside=()
if [ "$(id -u)" != 0 ]; then
  inside=(buildah unshare)
  buildah unshare true 2> /dev/null || skip 'buildah may make no user namespace here (/etc/subuid, kernel.unprivileged_userns_clone)'
fi

mkdir -p "$cache"
exec 9> "$cache/lock"
flock 9
# Another process may have built them meanwhile.
if [ -d "$folder" ]; then exit 0; fi

echo '== building the images of the worker and of the sandbox (about a minute and a half)'
work=$(mktemp -d "${TMPDIR:-/tmp}/iam-bootstrap-images-XXXXXX")
trap '"${inside[@]}" rm -rf "$work"' EXIT
# overlay is many times faster than vfs, and not possible everywhere.
driver=overlay
storage=(--root "$cache/storage-$driver" --runroot "$work/run" --storage-driver "$driver")
if ! buildah "${storage[@]}" images > /dev/null 2>&1; then
  driver=vfs
  storage=(--root "$cache/storage-$driver" --runroot "$work/run" --storage-driver "$driver")
fi
image_tool() { buildah "${storage[@]}" "$@"; }
export BUILDAH_ISOLATION=chroot
# A crash leaves containers behind.
image_tool rm --all > /dev/null 2>&1 || true

# Prints the default of an argument of a Dockerfile.
default_of() { sed -n "s/^ARG $2=//p" "$1"; }

# Sets `image` to an image to build on: that of the registry, or one made here by the function make_KIND.
base() {
  local name=$1 kind=$2 made=localhost/iam-bootstrap-base/$2
  for image in "$name" "$made"; do
    if image_tool inspect --type image "$image" > /dev/null 2>&1; then return; fi
  done
  image=$name
  if timeout 120 buildah "${storage[@]}" pull --quiet "docker://$name" > "$work/pull.log" 2>&1; then return; fi
  if [ "$(id -u)" != 0 ] || ! command -v debootstrap > /dev/null; then
    skip 'neither does the registry of the base images answer, nor can root make them with debootstrap'
  fi
  "make_$kind" "$made"
  image=$made
}

make_debian() {
  echo "== the registry does not answer: making a base image of Debian's packages (half a minute, once)"
  local root=$work/debian
  debootstrap --variant=minbase bookworm "$root" > "$work/debootstrap.log" 2>&1 || { tail -n 20 "$work/debootstrap.log"; return 1; }
  rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/var/log/*
  find "$root/usr/share/doc" "$root/usr/share/man" "$root/usr/share/locale" -type f ! -name copyright -delete
  local container
  container=$(image_tool from scratch)
  image_tool copy --quiet "$container" "$root" / > /dev/null
  rm -rf "$root"
  commit "$container" "$1"
}

# npm's package of Node.js, and npm. What installs packages trusts what this machine trusts.
make_node() {
  local container programs npm=$work/npm
  programs=$(bash scripts/node.sh 22 2> /dev/null)
  npm install --prefix "$npm" --no-save --no-audit --no-fund --loglevel=error npm@10 > /dev/null
  base "$(default_of Dockerfile DEBIAN_IMAGE)" debian
  container=$(image_tool from --pull=never "$image")
  image_tool copy --quiet "$container" "$programs/node" /usr/local/bin/node > /dev/null
  image_tool copy --quiet "$container" "$npm/node_modules/npm" /usr/local/lib/node_modules/npm > /dev/null
  image_tool run "$container" ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
  trust_host "$container"
  image_tool run "$container" sh -c 'mkdir -p /usr/local/etc && echo cafile=/usr/local/share/host.crt > /usr/local/etc/npmrc'
  commit "$container" "$1"
}

make_python() {
  local container
  base "$(default_of Dockerfile DEBIAN_IMAGE)" debian
  container=$(image_tool from --pull=never "$image")
  image_tool run "$container" sh -c 'apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
    --no-install-recommends python3-pip && rm -rf /var/lib/apt/lists /var/cache/apt /usr/lib/python3*/EXTERNALLY-MANAGED &&
    ln -s python3 /usr/bin/python' > "$work/python.log" 2>&1 || { tail -n 20 "$work/python.log"; return 1; }
  trust_host "$container"
  image_tool run "$container" sh -c 'printf "[global]\ncert = /usr/local/share/host.crt\n" > /etc/pip.conf'
  commit "$container" "$1"
}

trust_host() { image_tool copy --quiet "$1" /etc/ssl/certs/ca-certificates.crt /usr/local/share/host.crt > /dev/null; }
commit() { image_tool commit --quiet --rm "$1" "$2" > /dev/null; }

# Builds an image, and keeps its root file system and its configuration.
build() {
  local name=$1 started=$SECONDS
  shift
  # HEALTHCHECK is kept in Docker's format only.
  image_tool bud --quiet --format docker --network host --pull=never --tag "localhost/$name" "$@" . > "$work/$name.log" 2>&1 ||
    { tail -n 40 "$work/$name.log"; return 1; }
  mkdir -p "$build/$name"
  image_tool inspect --type image "localhost/$name" > "$build/$name/image.json"
  # In one user namespace: elsewhere, what is mounted there is not seen.
  "${inside[@]}" bash -euc '
    image=$1 folder=$2
    shift 2
    container=$(buildah "$@" from --pull=never "$image")
    cp -a "$(buildah "$@" mount "$container")" "$folder/root"
    # Files that a container gets when it starts.
    touch "$folder/root/etc/hosts" "$folder/root/etc/resolv.conf"
    buildah "$@" rm "$container" > /dev/null
    buildah "$@" rmi --force "$image" > /dev/null' unpack "localhost/$name" "$build/$name" "${storage[@]}"
  echo "== $name: $("${inside[@]}" du -sm "$build/$name/root" | cut -f 1) MB, $(grep -c '^Package:' "$build/$name/root/var/lib/dpkg/status") Debian packages, built in $((SECONDS - started)) s"
}

base "$(default_of Dockerfile NODE_IMAGE)" node
node=$image
base "$(default_of Dockerfile DEBIAN_IMAGE)" debian
debian=$image
base "$(default_of docker/sandbox.Dockerfile PYTHON_IMAGE)" python
python=$image
build=$cache/$key.$$
trap '"${inside[@]}" rm -rf "$work" "$build"' EXIT
build worker --build-arg "NODE_IMAGE=$node" --build-arg "DEBIAN_IMAGE=$debian" --file Dockerfile
build sandbox --build-arg "PYTHON_IMAGE=$python" --file docker/sandbox.Dockerfile
# Removes images of other commits that were built more than three hours ago.
"${inside[@]}" find "$cache" -mindepth 1 -maxdepth 1 -type d ! -name 'storage-*' ! -name "$key*" -mmin +180 -exec rm -rf {} +
mv "$build" "$folder"
