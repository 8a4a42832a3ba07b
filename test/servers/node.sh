#!/usr/bin/env bash
# node.sh MAJOR COMMAND…: runs a command, and whatever it starts, under the newest Node of another line. Keeps it with the servers.
set -euo pipefail
. "$(dirname "$0")/common.sh"

major=$1
shift
package=node-$(node -p 'process.platform + "-" + process.arch')
folder=$servers/node-$major
bin=$folder/node_modules/$package/bin
case $("$bin/node" --version 2>/dev/null || true) in
  "v$major."*) ;;
  *)
    echo "Node $major is missing: fetching $package" >&2
    mkdir -p "$folder"
    npm install --prefix "$folder" --no-save --no-audit --no-fund "$package@$major" >&2
    ;;
esac
PATH=$bin:$PATH
export PATH
printf 'Node %s\n' "$(node --version)"
exec "$@"
