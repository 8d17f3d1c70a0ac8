"""The `certdesk` command: run a desk, and look after it from its own machine."""
