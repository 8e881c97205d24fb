"""Sensors and devices as headsets: laboratory streams, boards, a Quest's hands, glasses, OSC.

A source says of itself what it measures (`source`), which becomes channels with SI units
(`mapping`, `recognition`, `units`, `electrodes`); its clock is mapped to the session's (`clocks`),
its stamps are freed of jitter and its gaps are found (`timeline`). `sensor` is one source in use,
`markers` one whose words are feedback, `sensor_headset` takes all of them to a bridge. Kinds of
source stand in a registry (`sources`), a file each: `lsl`, `boards`, `quest`, `pupil`, `osc`; each
imports its library when it is used.
"""
