#!/usr/bin/env bash
# Prepares the image that grades @UNIT@. Gradescope runs this once, as root.
set -euo pipefail

# --- what you may want to change ------------------------------------------------------------------
# Where pip finds PyTorch's build for the CPU. The builds with CUDA are gigabytes larger.
TORCH_INDEX="${HANDGRAD_TORCH_INDEX:-https://download.pytorch.org/whl/cpu}"
# A Python of version 3.11 or newer. Empty: the image's own, or else Ubuntu's package.
PYTHON="${HANDGRAD_PYTHON:-}"
# --------------------------------------------------------------------------------------------------

ROOT="${AUTOGRADER_ROOT:-/autograder}"
SOURCE="$ROOT/source"
VENV="$ROOT/venv"

new_enough() {
    "$1" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

if [ -z "$PYTHON" ]; then
    for name in python3 python3.13 python3.12 python3.11; do
        if new_enough "$name"; then PYTHON="$name"; break; fi
    done
fi
if [ -z "$PYTHON" ]; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update
    apt-get install -y --no-install-recommends python3 python3-venv
    PYTHON=python3
    if ! new_enough "$PYTHON"; then
        apt-get install -y --no-install-recommends python3.11 python3.11-venv
        PYTHON=python3.11
    fi
fi

rm -rf "$VENV"
"$PYTHON" -m venv "$VENV"
pip() { "$VENV/bin/python" -m pip install --no-cache-dir --disable-pip-version-check "$@"; }
pip "@TORCH@" --index-url "$TORCH_INDEX"
pip "$SOURCE"/handgrad-*.whl

# The grader's files are the grader's alone. The interpreter and its packages hold no secret, and
# the unprivileged processes that run students' code need them.
chown -R "$(id -u):$(id -g)" "$SOURCE"
chmod -R u=rwX,go= "$SOURCE"
chmod -R go=rX "$VENV"

# What grading needs beside a submission is computed here, once, and not for each submission.
(umask 077 && cd "$SOURCE/course" && "$VENV/bin/autograder" prepare "@UNIT@" --out solutions/.exams)

# A grader that does not give the reference full marks here must not grade students.
umask 077
TRIAL="$(mktemp -d)"
trap 'rm -rf "$TRIAL"' EXIT
cd "$SOURCE/course"
"$VENV/bin/autograder" doctor
"$VENV/bin/autograder" grade "solutions/@UNIT@/@MODULE@.py" --student reference --unit "@UNIT@" \
    --out "$TRIAL" --jobs 1 --require separated
"$VENV/bin/python" - "$TRIAL/results/@UNIT@/reference.json" <<'PYTHON'
import json
import sys

result = json.load(open(sys.argv[1], encoding="utf-8"))
wrong = [e["name"] for e in result["exercises"] if e["status"] not in ("full", "to be marked")]
if wrong:
    sys.exit(f"The reference loses points in {', '.join(wrong)}: this image cannot grade.")
print("What keeps students' code apart:", json.dumps(result["run"]["worker"], indent=2))
PYTHON
