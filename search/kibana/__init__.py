"""What people see in Kibana: objects kept as files, taken there and brought back, and queries as written there."""
