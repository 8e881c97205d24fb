"""PAMAP2 for fedxr: nine people with a sensor on the wrist, and the task that they were asked.

Reiss and Stricker: A New Benchmarked Dataset for Activity Monitoring. ISWC 2012."""

from functools import partial
from itertools import pairwise

import numpy as np
import pandas as pd

from fedxr.agent.tasks import TASKS, Task
from fedxr.bridge.channels import Channel, Samples
from fedxr.scenarios.recorded import RECORDED, reading
from fedxr.scenarios.recorded.stretches import HALVES, Asking, Recording, Stretch
from fedxr.scenarios.users import RecordedSet, User

NUMBERS = {1: "lying", 2: "sitting", 3: "standing", 4: "walking", 5: "running", 6: "cycling",
           7: "Nordic walking", 12: "climbing stairs", 13: "descending stairs",
           16: "vacuum cleaning", 17: "ironing", 24: "rope jumping"}  # fmt: skip
TIME_S, ACTIVITY, HAND = 0, 1, [4, 5, 6, 10, 11, 12]  # columns; acceleration and angular rate in SI
TASK = TASKS.add(Task("exercise", "companion", (*NUMBERS.values(),), ("motion",), deadline_ms=500))
ASKING = Asking(TASK.name, window_s=5, every_s=5, halves="stretches")  # most happen only once
WRIST = Channel("wrist", "motion/wrist", 100.0)


def load(folder):
    what = (r"subject\d+\.dat", "a subject's recording")
    files = reading.files_in(reading.place(folder, "Protocol", *what), *what)
    return reading.users_of(SET.name, ((path.stem, partial(user, path)) for path in files))


def user(path, say):
    """One subject; rows with gaps, as the radio left them, are passed over."""
    table = pd.read_csv(path, sep=" ", header=None, usecols=[TIME_S, ACTIVITY, *HAND], dtype=float)
    rows = table.dropna()
    say(f"{len(table) - len(rows)} of {len(table)} rows have gaps and are passed over")
    t_us = reading.microseconds(path, rows[TIME_S].to_numpy())
    reading.check_rising(path, t_us, rows.index.to_numpy() + 1)
    label = rows[ACTIVITY].map(dict(zip(NUMBERS, range(12), strict=True))).fillna(-1).to_numpy()
    bouts = pairwise(np.flatnonzero(np.diff(label, prepend=-2, append=-2)))  # -1: between two
    asked = [(t_us[a], t_us[b - 1], label[a]) for a, b in bouts if label[a] >= 0]
    samples = {WRIST.name: Samples(t_us, rows[HAND].to_numpy(np.float32))}
    whole = Recording(path.stem, samples, tuple(Stretch(*map(int, one)) for one in asked))
    asked = ASKING.episodes([whole])
    return User(SET.name, path.stem, TASK.use_case, (WRIST,), (TASK.name,), asked)


SOURCE = "https://archive.ics.uci.edu/dataset/231/pamap2+physical+activity+monitoring"
SET = RECORDED.add(RecordedSet("pamap2", "PAMAP2_Dataset", TASK.use_case, TASK.name, "CC BY 4.0",
                               SOURCE, HALVES[ASKING.halves], load))  # fmt: skip
