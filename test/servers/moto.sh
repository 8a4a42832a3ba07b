#!/usr/bin/env bash
# test/servers/moto.sh COMMAND…: runs COMMAND beside a moto server (AWS in memory) on loopback, its address in TRUEUP_TEST_MOTO.
# The first run installs it into a virtual environment of its own (about two minutes, Python 3.10 or newer).
set -euo pipefail
. "$(dirname "$0")/common.sh"

version=5.2.5
home=$servers/moto-$version
if [ ! -e "$home/ready" ]; then
  need python3 python3
  rm -rf "$home"
  mkdir -p "$servers"
  if ! python3 -m venv "$home"; then
    rm -rf "$home"
    apt-get update -qq >&2 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv >&2
    python3 -m venv "$home"
  fi
  "$home/bin/pip" install --quiet --disable-pip-version-check "moto[server,s3]==$version"
  touch "$home/ready"
fi
need curl curl

port=$(free_port)
with_server "http://127.0.0.1:$port" TRUEUP_TEST_MOTO -- \
  "$home/bin/moto_server" -H 127.0.0.1 -p "$port" -- "$@"
