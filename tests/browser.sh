#!/bin/sh
# Makes a Chromium available for the page test where that can be had; else the test says why it was skipped.
for name in chromium chromium-browser google-chrome; do
  command -v "$name" >/dev/null 2>&1 && exit 0
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "installing Chromium for the page test"
  { apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium fonts-noto-core; } >/dev/null 2>&1 ||
    echo "Chromium could not be installed; the page test will be skipped"
else
  echo "no Chromium here; the page test will be skipped (install the package chromium to run it)"
fi
exit 0
