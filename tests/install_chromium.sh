#!/bin/sh
# A Chromium for the browser tests: one that is there, else playwright's own, else the system's package.
# Usage: sh tests/install_chromium.sh PYTHON
set -u
python=$1

found() { "$python" -m tests.browser.browsers 2>/dev/null; }

limit=
command -v timeout >/dev/null && limit="timeout 300"

found && exit 0

echo "No Chromium yet: fetching playwright's own ..."
$limit "$python" -m playwright install chromium >/dev/null 2>&1 || echo "It cannot be had here."
found && exit 0

if command -v apt-get >/dev/null; then
    as_root=
    [ "$(id -u)" -eq 0 ] || as_root="sudo -n"
    echo "Installing the system's chromium package ..."
    $as_root apt-get -qq update && $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y chromium
    found && exit 0
fi

echo "The browser tests need a Chromium and none could be installed." >&2
echo "Install one (Debian: sudo apt-get install chromium), so that 'chromium' is on the PATH, and try again." >&2
exit 1
