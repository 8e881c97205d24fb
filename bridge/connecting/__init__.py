"""The headset's side in Python: client, handshake, and coming back after a loss."""
