"""What a headset learns: replay, ridge heads, experts, adapters and their training."""
