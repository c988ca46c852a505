"""The rounds of the route -> Prefect flows, on a schedule or on demand. The door of prefect: import it only to use it.

A Prefect worker runs them beside no `tocsin run`: a folder has one owner. Deployments stand in deploy/prefect.yaml.
"""
