"""The server's side: one port, admission, sessions, pages, watchers, pictures."""
