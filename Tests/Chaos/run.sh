#!/usr/bin/env bash
# Makes 500 copies-with-changes of the demo pictures and runs them through kills: run.sh LORGNETTE PICTURES [PIPELINE].
# Everything it makes is in .build/kills. Pillow goes there, too, if Python does not have it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
lorgnette="$1" pictures="$2" pipeline="${3:-Tests/Chaos/chaos.yaml}"
here=.build/kills
mkdir -p "$here"
export PYTHONPATH="$here/python"
if ! python3 -c 'import PIL' 2>/dev/null; then
    python3 -m pip install --quiet --disable-pip-version-check --target "$here/python" 'Pillow>=10' 2>"$here/pip.log" || {
        tail -n 5 "$here/pip.log" >&2
        echo "chaos: pip could not install Pillow into $here/python" >&2
        exit 1
    }
fi
rm -rf "$here/pictures" "$here/out"
python3 Tests/Chaos/make_pictures.py "$pictures" "$here/pictures"
python3 Tests/Chaos/chaos.py "$lorgnette" "$pipeline" "$here/pictures" --out "$here/out"
