"""Headsets that nobody wears: their people, timelines, streams and environments."""
