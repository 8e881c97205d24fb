"""Answering live: inference tick by tick, and the weights it is swapped to."""
