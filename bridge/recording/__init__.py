"""Sessions as files: written beside a running server, read back, replayed, exported."""
