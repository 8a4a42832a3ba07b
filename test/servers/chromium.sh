#!/usr/bin/env bash
# test/servers/chromium.sh COMMAND…: runs COMMAND with the path of a Chromium in TRUEUP_TEST_CHROMIUM. The first run installs Debian's.
set -euo pipefail
. "$(dirname "$0")/common.sh"

need chromium chromium
TRUEUP_TEST_CHROMIUM=$(command -v chromium) "$@"
