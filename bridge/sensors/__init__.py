"""Laboratory sensors as headsets: Lab Streaming Layer streams and BrainFlow boards.

A source says of itself what it measures (`source`), which becomes channels with SI units
(`mapping`, `units`, `electrodes`); its clock is mapped to the session's (`clocks`), its stamps are
freed of jitter and its gaps are found (`timeline`). `sensor` is one source in use, `headset` takes
all of them to a bridge. `lsl` and `boards` are the two kinds of source; they alone need the extra
``sensors``.
"""
