#!/usr/bin/env bash
# Runs the tests that are built, and names the ones that were skipped, with their reasons.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
log=.build/test.log
status=0
swift test --skip-build --disable-xctest "$@" 2>&1 | tee "$log" || status=$?
skipped="$(grep -E 'Test .* skipped(:|\.)' "$log" || true)"
if [ -n "$skipped" ]; then
    printf '\nSkipped, %d of them:\n%s\n' "$(wc -l <<<"$skipped")" "$skipped"
fi
exit "$status"
