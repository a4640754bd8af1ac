#!/bin/sh
# Checks the form of native/ and the rules that a compiler does not know; `--write` formats.
set -eu
cd "$(dirname "$0")/.."
status=0

if ! command -v clang-format >/dev/null; then
  echo 'lint-native: clang-format is not installed, so the form of native/ is not checked (Debian: apt-get install clang-format)' >&2
  [ "${CI:-}" != true ] || status=1
elif [ "${1:-}" = --write ]; then
  clang-format -i native/*.cc native/*.h
else
  clang-format --dry-run --Werror native/*.cc native/*.h || {
    echo "lint-native: not as $(clang-format --version) would have it: npm run format" >&2
    status=1
  }
fi

# forbid PATTERN REASON [FILE…]: no line of native/ but of these files may match outside of a line's comment.
forbid() {
  pattern=$1 reason=$2
  shift 2
  for file in native/*.cc native/*.h; do
    case " $* " in *" ${file#native/} "*) continue ;; esac
    found=$(sed 's,//.*,,' "$file" | grep -nE "$pattern") || continue
    echo "$found" | sed "s,^,$file:," >&2
    echo "lint-native: $reason" >&2
    status=1
  done
}

forbid '(^|[^a-z_])throw[^a-z_]' 'exceptions are for wrong arguments alone, on the JavaScript thread' \
  addon.cc encode.cc exports.cc
# Not even with SYS_…: a thread that left its namespace stays in the pool. A child may; calls.cc marks them as its own.
forbid '(^|[^a-z])(unshare|setns)([^a-z]|$)' 'a pool thread must stay in the namespaces of its process' \
  namespace_child.cc namespace_child.h guardian.cc calls.cc
forbid '(^|[^A-Za-z0-9_>])::[a-z_]+\(' 'system calls go by syscall(2): a libc may lack the function'
forbid '#include <(sched|sys/(mount|xattr|vfs|statfs|random|pidfd)|linux/(mount|openat2|fs))\.h>' \
  'this header is younger than what we build on, or cannot stand beside another'
exit $status
