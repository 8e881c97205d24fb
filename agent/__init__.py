"""The model and its life on a headset: encoders, backbone, heads, tuning, cohort, streaming."""
