# Sourced by the scripts beside it: where servers are kept, a free port, waiting for an answer, and a server that lives as long as one command.

servers=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/trueup-test-servers

# need PROGRAM PACKAGE: installs the Debian package where the program is missing.
need() {
  command -v "$1" >/dev/null && return
  echo "$1 is missing: installing $2" >&2
  apt-get update -qq >&2 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$2" >&2
}

free_port() {
  node -e 'const s = require("node:net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })'
}

# wait_for URL PID LOG: until anything answers; fails when the process ends first or after a minute.
wait_for() {
  for _ in $(seq 600); do
    if curl -s -o /dev/null "$1"; then return; fi
    if ! kill -0 "$2" 2>/dev/null; then break; fi
    sleep 0.1
  done
  echo "$1 does not answer; its log:" >&2
  cat "$3" >&2
  return 1
}

# with_server URL VARIABLE -- SERVER… -- COMMAND…: runs COMMAND while SERVER runs, with VARIABLE=URL.
pid=
with_server() {
  local url=$1 variable=$2 code=0 server=()
  shift 3
  while [ "$1" != -- ]; do
    server+=("$1")
    shift
  done
  shift
  "${server[@]}" >"$work/log" 2>&1 &
  pid=$!
  trap 'kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; rm -rf "$work"' EXIT
  wait_for "$url" "$pid" "$work/log"
  env "$variable=$url" "$@" || code=$?
  return "$code"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
