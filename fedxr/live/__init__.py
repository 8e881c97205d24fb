"""The live server: headsets that come, are answered, taught, and go."""
