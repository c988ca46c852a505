"""A bundled newsroom on loopback: Tocsin at work without the internet."""
