"""Headless studies: people, splits, arms, and the tables of their results."""
