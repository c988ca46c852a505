"""What people search: derived, always rebuildable. The port, and its adapters by kind."""
