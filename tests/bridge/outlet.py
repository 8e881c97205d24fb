"""An LSL program in a process of its own: pushes samples that say which they are.

Run with one JSON argument: name, type, source_id, rate, format and columns [[label, unit, type,
eye], …]. Sample n holds n + column / 8 in each column and is stamped ``t0 + n / rate``, t0 being
printed first; ``ahead_s`` puts the stamps on another clock, ``sends`` is another rate than it says,
and of each ``timeless`` samples the last has no stamp (NaN). Lines on standard input: ``skip K``
leaves out the next K samples, ``stop`` (or the end of input) ends it.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import Any

import pylsl


def make_outlet(about: dict[str, Any]) -> pylsl.StreamOutlet:
    columns = about["columns"]
    info = pylsl.StreamInfo(
        about["name"], about["type"], len(columns), about["rate"],
        about.get("format", "float32"), about.get("source_id", ""),
    )  # fmt: skip
    described = info.desc().append_child("channels")
    for column in columns:
        channel = described.append_child("channel")
        for key, value in zip(("label", "unit", "type", "eye"), column, strict=False):
            channel.append_child_value(key, value)
    return pylsl.StreamOutlet(info)


def main() -> None:
    about = json.loads(sys.argv[1])
    outlet = make_outlet(about)
    width, rate = len(about["columns"]), about.get("sends") or about["rate"] or 50.0
    timeless = about.get("timeless", 0)
    skip, stop = [0], threading.Event()

    def obey() -> None:
        for line in sys.stdin:
            word, _, number = line.strip().partition(" ")
            if word == "skip":
                skip[0] += int(number)
            elif word == "stop":
                break
        stop.set()

    threading.Thread(target=obey, daemon=True).start()
    ahead_s = about.get("ahead_s", 0.0)
    start, n = pylsl.local_clock(), 0
    print(f"{start + ahead_s:.9f}", flush=True)
    while not stop.is_set():
        while start + n / rate <= pylsl.local_clock():
            if skip[0]:
                skip[0] -= 1
            elif about.get("format") == "string":
                outlet.push_sample(["text"] * width, start + n / rate)
            else:
                sample = [n + c / 8 for c in range(width)]
                stamp = start + ahead_s + n / rate
                if timeless and n % timeless == timeless - 1:
                    stamp = float("nan")
                outlet.push_sample(sample, stamp)
            n += 1
        time.sleep(0.004)


if __name__ == "__main__":
    main()
