#!/usr/bin/env bash
# Builds and runs the tests of wire, coordinator, workers and kernels with sanitizers: sanitize.sh [address|thread]…, both by
# default. Each has a build folder of its own, .build/address and .build/thread. A report ends the process that it is of,
# workers included, and with it the test.
#
# The thread sanitizer does not see Swift's own Mutex, which is a futex and no pthread mutex, and takes what it guards for
# unguarded. So reports that name a file with a Mutex in it are left out; races in those files are not found. Left out, too,
# are two tests whose worker a sanitizer does not let live: one that limits its memory, and one that aborts.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mkdir -p .build
grep -rlE 'Mutex[(<]' Sources Tests --include='*.swift' | sed 's|^|race:|' | sort >.build/suppressions
export TSAN_OPTIONS="suppressions=$PWD/.build/suppressions halt_on_error=1"
export ASAN_OPTIONS=detect_leaks=0
[ $# -gt 0 ] || set -- address thread
for sanitizer in "$@"; do
    options=(--sanitize="$sanitizer" --scratch-path ".build/$sanitizer")
    swift build --build-tests "${options[@]}"
    swift test --skip-build --disable-xctest "${options[@]}" \
        --filter '^(WireTests|CoordinationTests|ExpertKitTests|TensorsTests)\.|RunMachine' \
        --skip 'memoryAndFilesAreLimited|aCrashIsASignalAndTheNextAttemptLives'
done
