"""Unity players and editors that speak ML-Agents, as headsets of the bridge (extra ``unity``)."""
