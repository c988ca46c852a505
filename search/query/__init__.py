"""The query language: one string means the same in `tocsin find`, on the desk page and in a watch."""
