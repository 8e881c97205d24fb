"""Moves frames between headsets and agents: channels, protocol, clock, queues, server, client."""
