# Sourced by the scripts beside it: where servers are kept, a free port, waiting for an answer, and a server that lives as long as one command.

servers=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/trueup-test-servers

# need PROGRAM PACKAGE: installs the Debian package where the program is missing.
need() {
  command -v "$1" >/dev/null && return
  echo "$1 is missing: installing $2" >&2
  apt-get update -qq >&2 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$2" >&2
}

# recent_go: prints a Go that is recent enough to build the servers: the one of the machine, else one from the module proxy, which needs no Go to be there.
go_version=1.25.5
recent_go() {
  local found arch sum folder=$servers/go-$go_version
  found=$(go env GOVERSION 2>/dev/null || true)
  if [ -n "$found" ] && [ "$(printf 'go%s\n%s\n' "$go_version" "$found" | sort -V | head -n 1)" = "go$go_version" ]; then
    command -v go
    return
  fi
  case $(uname -m) in
    x86_64) arch=amd64 sum=8cea6783dab64d68b38f5b81ecd38d45155a3c06638991acc6af19e0fca80edb ;;
    aarch64) arch=arm64 sum=4d31d22f75fed99025f7b082319eabeb74106d11e343fc203b336ba2afdeb3a1 ;;
    *)
      echo "no Go $go_version is known here for $(uname -m): install Go $go_version or newer" >&2
      return 1
      ;;
  esac
  if [ ! -x "$folder/bin/go" ]; then
    need curl curl
    need unzip unzip
    local proxy=${GOPROXY:-https://proxy.golang.org} name=v0.0.1-go$go_version.linux-$arch
    proxy=${proxy%%[,|]*}
    echo "Go $go_version is missing: fetching it from $proxy" >&2
    curl -fsSL -o "$work/go.zip" "$proxy/golang.org/toolchain/@v/$name.zip"
    echo "$sum  $work/go.zip" | sha256sum --check --quiet >&2
    mkdir -p "$servers"
    unzip -q "$work/go.zip" -d "$work/go"
    chmod -R u+rwX "$work/go"
    chmod +x "$work/go/golang.org/toolchain@$name/bin/"* "$work/go/golang.org/toolchain@$name/pkg/tool/"*/*
    rm -rf "$folder"
    mv "$work/go/golang.org/toolchain@$name" "$folder"
  fi
  echo "$folder/bin/go"
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
