#!/bin/sh
# Prefect's own database beside Tocsin's; run once by the image, when the volume is new.
set -eu
psql --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --set ON_ERROR_STOP=1 \
     --set password="$(cat /run/secrets/prefect_password)" <<'SQL'
CREATE ROLE prefect LOGIN PASSWORD :'password';
CREATE DATABASE prefect OWNER prefect;
SQL
