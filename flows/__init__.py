"""What runs when and where: settings, stream, worker, Prefect flows, the command."""
