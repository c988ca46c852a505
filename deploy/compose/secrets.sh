#!/bin/sh
# A random password for every secret of compose.yaml that has none yet; it never changes one.
# The folder is yours alone; the files are readable, for the containers' users differ from yours.
set -eu
folder="$(dirname "$0")/../secrets"
mkdir -p "$folder"
chmod 700 "$folder"
for name in postgresql_password prefect_password prefect_admin_password elastic_password kibana_password \
            kibana_encryption_key tocsin_elasticsearch_password; do
  if [ ! -s "$folder/$name" ]; then
    head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n' > "$folder/$name"
    chmod 444 "$folder/$name"
    echo "made $name"
  fi
done
