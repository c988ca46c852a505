"""Who may do what: people with passwords and roles, their sessions and API tokens, and what was done."""
