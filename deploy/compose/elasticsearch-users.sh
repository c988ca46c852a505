#!/bin/bash
# Accounts in Elasticsearch: kibana_system gets its password, Tocsin a user that may touch its own indices only.
# Running it again changes nothing but the passwords, to those of the files.
set -euo pipefail

put() {  # METHOD PATH BODY; the passwords go through standard input, so that no process list shows them
  printf '%s' "$3" | curl --silent --show-error --fail-with-body --output /dev/null --request "$1" \
    --header 'Content-Type: application/json' --data-binary @- \
    --config <(printf 'user = "elastic:%s"' "$(cat /run/secrets/elastic_password)") \
    "http://elasticsearch:9200$2"
}

put POST /_security/user/kibana_system/_password "{\"password\": \"$(cat /run/secrets/kibana_password)\"}"
put PUT /_security/role/tocsin '{
  "cluster": ["monitor", "manage_index_templates", "manage_ilm"],
  "indices": [{"names": ["tocsin*"], "privileges": ["all"]}],
  "applications": [{"application": "kibana-.kibana", "privileges": ["all"], "resources": ["*"]}]
}'
put PUT /_security/user/tocsin \
  "{\"password\": \"$(cat /run/secrets/tocsin_elasticsearch_password)\", \"roles\": [\"tocsin\"], \"full_name\": \"Tocsin\"}"
echo "accounts are set"
