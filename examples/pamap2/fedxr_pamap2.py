"""PAMAP2 for fedxr: nine people with a sensor on the wrist, and the task that they were asked.

Reiss and Stricker: Introducing a New Benchmarked Dataset for Activity Monitoring. ISWC 2012.
``Protocol/subject1XX.dat``: 54 columns and a blank between, about 100 rows a second. Read are the
time (s), the activity, and of the hand acceleration (+-16 g, m/s^2) and angular rate (rad/s).
"""

from functools import partial
from io import BytesIO

import numpy as np
import pandas as pd

from fedxr.agent.tasks import TASKS, Episode, Query, Task
from fedxr.bridge.channels import Channel, Samples
from fedxr.scenarios.recorded import RECORDED, reading
from fedxr.scenarios.users import RecordedSet, User

NUMBERS = {1: "lying", 2: "sitting", 3: "standing", 4: "walking", 5: "running", 6: "cycling",
           7: "Nordic walking", 12: "climbing stairs", 13: "descending stairs",
           16: "vacuum cleaning", 17: "ironing", 24: "rope jumping"}  # fmt: skip
TASK = TASKS.add(Task("exercise", "companion", (*NUMBERS.values(),), ("motion",), deadline_ms=500))
WRIST = Channel("wrist", "motion/wrist", 100.0)
WINDOW_US = 5_000_000


def load(folder):
    """Every subject under ``Protocol``."""
    pattern, what = r"subject\d+\.dat", "a subject's recording"
    files = reading.files_in(reading.place(folder, "Protocol", pattern, what), pattern, what)
    return reading.users_of(SET.name, ((path.stem, partial(user, path)) for path in files))


def user(path, say):
    """One subject, asked every 5 s; rows with gaps, as the radio left them, are passed over."""
    raw = BytesIO(reading.read_bytes(path, "54 columns of numbers"))
    columns = [0, 1, 4, 5, 6, 10, 11, 12]
    rows = pd.read_csv(raw, sep=" ", header=None, usecols=columns, dtype=float).to_numpy()
    whole = np.isfinite(rows).all(1)
    say(f"{(~whole).sum()} of {len(rows)} rows have gaps and are passed over")
    t_us, activity = reading.microseconds(path, rows[whole, 0]), rows[whole, 1].astype(int)
    reading.check_rising(path, t_us, np.flatnonzero(whole) + 1)
    samples, episodes = {WRIST.name: Samples(t_us, rows[whole, 2:].astype(np.float32))}, []
    for bout in np.split(np.arange(len(t_us)), np.flatnonzero(np.diff(activity)) + 1):
        if activity[bout[0]] in NUMBERS:  # else it is what lies between two of them
            query = Query(TASK.name, WINDOW_US, [*NUMBERS].index(activity[bout[0]]))
            starts = range(int(t_us[bout[0]]), int(t_us[bout[-1]]) - WINDOW_US + 1, WINDOW_US)
            for i, start in enumerate(starts):
                part, half = reading.cut(samples, start, start + WINDOW_US), i < len(starts) // 2
                episodes.append(Episode(f"{start}", part, (query,), half, WINDOW_US / 1e6))
    return User(SET.name, path.stem, TASK.use_case, (WRIST,), (TASK.name,), (*episodes,))


SOURCE = "https://archive.ics.uci.edu/dataset/231/pamap2+physical+activity+monitoring"
HALVES = "the first half of each activity to learn from, the second to test: most happen only once"
SET = RecordedSet("pamap2", "PAMAP2_Dataset", TASK.use_case, TASK.name, "CC BY 4.0", SOURCE, HALVES,
                  load)  # fmt: skip
RECORDED.add(SET)
