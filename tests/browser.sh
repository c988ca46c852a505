#!/bin/sh
# Makes a Chromium available for the tests of the desk page where that can be had; else they are skipped and say why.
for name in chromium chromium-browser google-chrome; do
  command -v "$name" >/dev/null 2>&1 && exit 0
done
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "no Chromium here: the page is not tested in a browser (install the package chromium for that)"
  exit 0
fi
echo "installing Chromium for the tests of the desk page"
export DEBIAN_FRONTEND=noninteractive
said=$({ apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium fonts-noto-core; } 2>&1) ||
  echo "Chromium could not be installed, so the page is not tested in a browser: $(echo "$said" | tail -n 1)"
exit 0
