"""What whoever watches sees of a run, and what they may ask of it."""
