#!/bin/sh
# Makes a PostgreSQL server, a Java and Maven available for `make test-servers` where that can be had; else its tests say what is missing.
missing=""
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$missing postgresql"
command -v java >/dev/null 2>&1 || missing="$missing openjdk-17-jre-headless"
command -v mvn >/dev/null 2>&1 || missing="$missing maven"
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "not here, and not installed:$missing"
  exit 0
fi
echo "installing for the tests with servers:$missing"
export DEBIAN_FRONTEND=noninteractive
# the tests make clusters of their own; the package should not start one
mkdir -p /etc/postgresql-common/createcluster.d
echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.d/tocsin-tests.conf
# shellcheck disable=SC2086  # one word a package
said=$({ apt-get update -qq && apt-get install -qq -y --no-install-recommends $missing; } 2>&1) ||
  echo "could not be installed:$missing: $(echo "$said" | tail -n 1)"
exit 0
