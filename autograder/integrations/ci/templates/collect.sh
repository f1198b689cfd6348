#!/usr/bin/env bash
# Fetches every student's repository into submissions.tar, as data: nothing of it is run, links become
# plain files, and no history comes along.
#
# repositories.txt names them, a line each: the student's id, a space, and the repository's path, as
# in "ada course-2026/work-ada". TOKEN may read them all and needs no other right.
set -euo pipefail

SERVER="${SERVER:-https://github.com}"
TOKEN_USER="${TOKEN_USER:-x-access-token}"
if [ -n "${TOKEN:-}" ]; then
    # By the environment, not by the command line: other processes can read that.
    GIT_CONFIG_VALUE_0="Authorization: Basic $(printf '%s:%s' "$TOKEN_USER" "$TOKEN" | base64 -w0)"
    export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0="http.$SERVER/.extraHeader" GIT_CONFIG_VALUE_0
fi
export GIT_TERMINAL_PROMPT=0 GIT_LFS_SKIP_SMUDGE=1

rm -rf submissions
mkdir submissions
missing=0
while read -r student repository _; do
    case "$student" in '' | '#'*) continue ;; esac
    if [[ ! "$student" =~ ^[A-Za-z0-9][A-Za-z0-9._@-]*$ ]]; then
        echo "repositories.txt: '$student' is no student id; use letters, digits and . _ @ -"
        exit 2
    fi
    if git clone --quiet --depth 1 --no-tags -c core.symlinks=false \
        "$SERVER/$repository.git" "submissions/$student"; then
        echo "$student: $(git -C "submissions/$student" log -1 --format='%H of %cI' || echo empty)"
        rm -rf "submissions/$student/.git"
    else
        echo "$student: $repository could not be fetched"
        rm -rf "submissions/$student"
        missing=$((missing + 1))
    fi
done <repositories.txt
tar -cf submissions.tar submissions
echo "$(find submissions -mindepth 1 -maxdepth 1 | wc -l) fetched, $missing not"
[ "$missing" -eq 0 ] || echo "Those that were not fetched get no result: see to them."
