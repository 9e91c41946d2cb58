#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `bench lossless` made short: gears come and go under load, and no client notices.
set -euo pipefail
[[ $EUID -eq 0 ]] || { echo 'SKIPPED: not root'; exit 77; }
command -v wrk > /dev/null || { echo 'SKIPPED: wrk is not installed'; exit 77; }
exec "$(dirname "$0")/../bench/lossless.sh" --events 20
