#!/usr/bin/env bash
# test/servers/versitygw.sh COMMAND…: runs COMMAND beside a versitygw (S3 on a folder) on loopback, its address in TRUEUP_TEST_VERSITYGW.
# The first run builds it (about four minutes).
set -euo pipefail
. "$(dirname "$0")/common.sh"

version=1.8.0
home=$servers/versitygw-$version
need curl curl
if [ ! -x "$home/versitygw" ]; then
  go=$(recent_go)
  mkdir -p "$home"
  GOTOOLCHAIN=local GOBIN=$home GOFLAGS=-buildvcs=false "$go" install "github.com/versity/versitygw/cmd/versitygw@v$version"
fi

port=$(free_port)
mkdir "$work/data"
export ROOT_ACCESS_KEY=test-key ROOT_SECRET_KEY=test-secret
with_server "http://127.0.0.1:$port" TRUEUP_TEST_VERSITYGW -- \
  "$home/versitygw" --port "127.0.0.1:$port" posix "$work/data" -- "$@"
