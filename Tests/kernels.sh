#!/usr/bin/env bash
# Runs the tests of kernels, tensors and models, golden numbers included, once for every set of kernels that this processor runs.
# What it cannot run is named and left out.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
flags=" $(grep -m1 '^flags' /proc/cpuinfo) "
for kernels in scalar avx2 avx512 vnni amx; do
    case $kernels in
    avx2) needed="avx2 fma f16c" ;;
    avx512) needed="avx512f avx512bw avx512dq avx512vl" ;;
    vnni) needed="avx512f avx512bw avx512dq avx512vl avx512_vnni" ;;
    amx) needed="avx512f avx512bw avx512dq avx512vl avx512_vnni avx512vbmi amx_tile amx_int8" ;;
    *) needed="" ;;
    esac
    missing=""
    for flag in $needed; do [[ $flags == *" $flag "* ]] || missing+=" $flag"; done
    if [ -n "$missing" ]; then
        echo "$kernels: left out, this processor has no$missing"
        continue
    fi
    echo "$kernels:"
    LORGNETTE_KERNELS=$kernels swift test --skip-build --disable-xctest --filter '^(TensorsTests|ModelsTests)\.' 2>&1 |
        grep -E 'recorded an issue|Test run with|error:' || { echo "$kernels: the tests failed" >&2; exit 1; }
done
