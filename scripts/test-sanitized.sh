#!/bin/sh
# Runs the tests with an addon that address and undefined-behaviour sanitizers watch: `npm run test:sanitize [vitest's arguments]`.
#
# In a private copy: the checkout's build/ may be in use, and must not stay behind sanitized.
set -eu
cd "$(dirname "$0")/.."
root=$PWD

runtimes=
for library in libasan.so libubsan.so; do
  file=$(g++ -print-file-name=$library)
  # Without a directory before it, it was not found.
  [ "$file" != $library ] || { echo "test-sanitized: g++ came without $library" >&2; exit 1; }
  runtimes="$runtimes $file"
done

copy=$(mktemp -d)
trap 'rm -rf --one-file-system "$copy"' EXIT
trap 'exit 1' HUP INT TERM
# The checkout has what git knows or would take; elsewhere everything is there for a reason.
(git -c safe.directory="$root" ls-files -co --exclude-standard -z 2>/dev/null ||
  find . -type f ! -path './node_modules/*' ! -path './build/*' ! -path './dist/*' ! -path './.git/*' -print0) |
  tar -c --null --files-from=- --ignore-failed-read 2>/dev/null | tar -x -C "$copy"
chmod 755 "$copy"
ln -s "$root/node_modules" "$copy/node_modules"
cd "$copy"
node scripts/build-ts.mjs
npm_config_overlayfs_sanitize=address,undefined npm_config_jobs=max node scripts/build-addon.mjs

# The package tests are about other builds of the addon. Leaks are Node's own at its exit; test/lifetime counts ours.
LD_PRELOAD=$runtimes \
  ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
  node node_modules/vitest/vitest.mjs run --exclude 'test/package/**' "$@"
