#!/usr/bin/env bash
# Builds and runs the tests of wire, coordinator, workers and kernels with sanitizers: sanitize.sh [address|thread]…, both by
# default. Each has a build folder of its own, .build/address and .build/thread. A report ends the process that it is of,
# coordinators and workers that a test started included, and with it the test. Nothing is suppressed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# As without a sanitizer: a worker that aborts dies of that, with no backtracer that the sanitizer would stumble over, and
# memory that is refused is a null pointer.
common=handle_abort=0:allocator_may_return_null=1
export TSAN_OPTIONS="$common:halt_on_error=1" ASAN_OPTIONS="$common:detect_leaks=0" SWIFT_BACKTRACE=enable=no
coordinator='EndToEndTests\.(Fault|Poison|ChaosRun|Status|Remote|Signal|Folders|Disk)Tests'
[ $# -gt 0 ] || set -- address thread
for sanitizer in "$@"; do
    options=(--sanitize="$sanitizer" --scratch-path ".build/$sanitizer")
    kernels='TensorsTests\.'
    if [ "$sanitizer" = thread ]; then
        # The kernels themselves have no threads.
        kernels='TensorsTests\.(ThreadPool|Linear|Matrix|Math)Tests'
    fi
    swift build --build-tests "${options[@]}"
    swift test --skip-build --disable-xctest "${options[@]}" --filter \
        "^(WireTests|CoordinationTests|ExpertKitTests)\.|^$kernels|RunMachine|DecodingBatch|^$coordinator"
done
