#!/bin/sh
# Builds prebuilds/ for every architecture, the same bytes wherever the checkout lies: `npm run prebuildify [arch…]`.
#
# The work is done in a private copy, because prebuildify takes build/ apart and the checkout's may be in use.
set -eu
cd "$(dirname "$0")/.."
root=$PWD

# Node's name for the architecture, GNU's triple, Debian's package. ppc64 is the little-endian one, arm is armv7 hard float.
targets='x64 x86_64-linux-gnu g++
arm64 aarch64-linux-gnu g++-aarch64-linux-gnu
arm arm-linux-gnueabihf g++-arm-linux-gnueabihf
riscv64 riscv64-linux-gnu g++-riscv64-linux-gnu
ppc64 powerpc64le-linux-gnu g++-powerpc64le-linux-gnu
s390x s390x-linux-gnu g++-s390x-linux-gnu'

wanted=${*:-$(echo "$targets" | cut -d' ' -f1)}
triple() { echo "$targets" | awk -v arch="$1" '$1 == arch { print $2 }'; }

missing=
for arch in $wanted; do
  name=$(triple "$arch")
  [ -n "$name" ] || { echo "prebuildify: no such architecture: $arch" >&2; exit 2; }
  command -v "$name-g++" >/dev/null && command -v "$name-strip" >/dev/null ||
    missing="$missing $(echo "$targets" | awk -v arch="$arch" '$1 == arch { print $3 }')"
done
if [ -n "$missing" ]; then
  echo "prebuildify: compilers are missing. On Debian: apt-get install --no-install-recommends$missing" >&2
  exit 1
fi

# Headers that came with this Node, if they did: else node-gyp fetches them.
prefix=$(node -p 'path.dirname(path.dirname(process.execPath))')
[ ! -e "$prefix/include/node/node_api.h" ] || export npm_config_nodedir="$prefix"
# overlayfs_small: a variable of binding.gyp.
export npm_config_jobs=max npm_config_overlayfs_small=1
unset CFLAGS CXXFLAGS CPPFLAGS LDFLAGS

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
trap 'exit 1' HUP INT TERM
mkdir "$copy/scripts" "$copy/node_modules" "$copy/tmp"
export TMPDIR="$copy/tmp"
cp -R package.json binding.gyp native "$copy"
cp scripts/native-digest.mjs "$copy/scripts"
cp -R node_modules/node-addon-api "$copy/node_modules"
cd "$copy"

for arch in $wanted; do
  name=$(triple "$arch")
  CC=$name-gcc CXX=$name-g++ AR=$name-ar PREBUILD_NODE_GYP="$root/node_modules/.bin/node-gyp" \
    node "$root/node_modules/prebuildify/bin.js" --napi --target "$(node -p process.versions.node)" \
    --strip --strip-bin "$name-strip" --name overlayfs --arch "$arch" >"$copy/log" 2>&1 ||
    { cat "$copy/log" >&2; exit 1; }
  mkdir -p "$root/prebuilds/linux-$arch"
  # By rename, so that a process that has the old one loaded keeps it whole.
  cp "prebuilds/linux-$arch/overlayfs.node" "$root/prebuilds/linux-$arch/.new"
  chmod 644 "$root/prebuilds/linux-$arch/.new"
  mv "$root/prebuilds/linux-$arch/.new" "$root/prebuilds/linux-$arch/overlayfs.node"
done

cd "$root"
(cd prebuilds && LC_ALL=C sha256sum linux-*/overlayfs.node) >prebuilds/SHA256SUMS
# How to get the same bytes again: what the makers of these files were.
{
  echo "node headers $(node -p process.versions.node)"
  for tool in node-gyp node-addon-api prebuildify; do
    echo "$tool $(node -p "require('./node_modules/$tool/package.json').version")"
  done
  echo "$targets" | while read -r arch name _; do
    ! command -v "$name-g++" >/dev/null ||
      echo "linux-$arch $("$name-g++" --version | head -n 1); $("$name-ld" --version | head -n 1)"
  done
} >prebuilds/BUILD
node scripts/check-prebuilds.mjs
