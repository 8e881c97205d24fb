"""Hugging Face data sets: folders by ``save_to_disk``, and those with ``data/…-of-….parquet``.

One column says the user and one the label, by usual names or as ``set.toml`` says. Rows are of
either kind:

- **a row is a sample**: columns of numbers, and a column with the time in seconds (or
  ``[files] rate``). A label holds as long as the rows have it.
- **a row is an example**: columns of sequences, (samples,) or (samples, numbers), at
  ``[files] rate``. A row is a recording by itself, and no row is cut in two; rows of a user take
  turns over the classes, for their order in the table is none of time.

The library ``datasets`` (extra ``formats``) reads them, from the disk and nowhere else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedxr.scenarios.recorded.formats.columns import mapped
from fedxr.scenarios.recorded.formats.labelled import LabelledRecording, OwnSet, Read
from fedxr.scenarios.recorded.formats.libraries import library
from fedxr.scenarios.recorded.formats.options import Told, told
from fedxr.scenarios.recorded.formats.rows import (
    rate_of,
    recording_of,
    seconds_of,
    source_of,
)
from fedxr.scenarios.recorded.reading import FETCH, Say
from fedxr.scenarios.users import DataError, RecordedSet

_USER = ("user", "user_id", "subject", "subject_id", "participant", "speaker", "speaker_id")
_LABEL = ("label", "labels", "class", "target", "activity")
_TIME = ("time", "timestamp", "t")
_SLOW_HZ = 0.2
"""Rows that are fewer look like times in another unit."""
_NUMBERS = ("int", "uint", "float", "double", "bool")


@dataclass(frozen=True)
class _Table:
    """The data set and what its columns are. ``signals`` have numbers: of ``samples`` one each,
    else sequences; ``classes`` names labels that are numbers."""

    data: Any
    user: str
    label: str
    time: str
    recording: str
    signals: tuple[str, ...]
    samples: bool
    classes: tuple[str, ...]

    def words(self, values: Sequence[Any]) -> list[str]:
        """Labels as texts; empty where there is none (None, or -1 of a class)."""
        if self.classes:
            return [self.classes[n] if n is not None and n >= 0 else "" for n in values]
        return ["" if value is None else str(value) for value in values]


def sets(folder: Path) -> list[RecordedSet]:
    """The one set of the folder. Raises DataError."""
    said = told(folder)
    table = _table(folder, said)
    data, rows = table.data, defaultdict[str, list[int]](list)
    for number, who in enumerate(data[table.user]):
        if who is not None:
            rows[str(who)].append(number)
    words = table.words(list(data[table.label]))
    if not table.samples and said.options.halves == "time":
        options = replace(said.options, halves="recordings")
        said = replace(said, options=options)
    how = _samples if table.samples else _examples
    people: list[tuple[str, Read]] = [
        (who, partial(how, table, said, mine)) for who, mine in sorted(rows.items())
    ]
    rate_hz = said.options.files.rate or 1.0
    source = source_of("signals", table.signals, said.options.units, rate_hz)
    modalities = [m.channel.modality for m in mapped(source, set())[0]]
    texts = [word for word in set(words) if word]
    return [OwnSet(said, texts, modalities, people, ordered=table.samples).recorded_set()]


def _table(folder: Path, said: Told) -> _Table:
    """Open the data set and tell its columns apart. Raises DataError that names the columns."""
    data = _opened(folder)
    features, files = data.features, said.options.files

    def column(wanted: str, usual: Sequence[str], key: str, what: str) -> str:
        found = wanted or next((name for name in usual if name in features), "")
        if found in features or not (found or what):
            return found
        raise DataError(
            f"{folder}: columns {', '.join(features)}; expected one with {what or found}: name it "
            f"in {said.toml.named(key)}"
        )

    user = column(files.user, _USER, "files.user", "the user")
    label = column(said.options.labels.column, _LABEL, "labels.column", "the label")
    time, recording = (
        column(files.time, _TIME, "files.time", ""),
        column(files.recording, (), "files.recording", ""),
    )
    rest = [name for name in features if name not in (user, label, time, recording)]
    scalars = [name for name in rest if _is_number(features[name])]
    again = [name for name in scalars if _repeats(data[name], data[label])]
    rest, scalars = ([n for n in names if n not in again] for names in (rest, scalars))
    sequences = [name for name in rest if _is_number(_inner(features[name]))]
    sequences = [name for name in sequences if name not in scalars]
    signals = tuple(sequences or scalars)
    if not signals:
        raise DataError(
            f"{folder}: columns {', '.join(f'{n} ({features[n]})' for n in rest)}; expected numbers"
            ", or sequences of them"
        )
    if not files.rate and (sequences or not time):
        named = said.toml.named
        times = "" if sequences else f", or the column in {named('files.time')}"
        raise DataError(
            f"{folder}: nothing says how many samples there are in a second; say it in "
            f"{named('files.rate')}{times}"
        )
    classes = tuple(getattr(features[label], "names", None) or ())
    return _Table(data, user, label, time, recording, signals, not sequences, classes)


def _opened(folder: Path) -> Any:
    """The data set, its splits one after the other."""
    datasets = library("datasets", "Hugging Face data sets")
    try:
        parquet = sorted(folder.glob("data/*.parquet"))
        if parquet:  # read by pyarrow: nothing is copied into the library's cache
            pyarrow, reader = library("pyarrow", "parquet files"), library("pyarrow.parquet", "")
            return datasets.Dataset(pyarrow.concat_tables(map(reader.read_table, parquet)))
        found = datasets.load_from_disk(str(folder))
        return datasets.concatenate_datasets(list(found.values())) if _split(found) else found
    except Exception as error:
        raise DataError(
            f"{folder}: expected a Hugging Face data set; found: {error!r}; {FETCH}"
        ) from error


def _split(found: Any) -> bool:
    return isinstance(found, dict)  # a DatasetDict is one


def _repeats(numbers: Sequence[Any], labels: Sequence[Any]) -> bool:
    """Whether a column says the label once more, a number a class: it would tell the answer."""
    pairs = set(zip(numbers, labels, strict=True))
    return len(pairs) == len(set(numbers)) == len(set(labels)) > 1


def _inner(feature: Any) -> Any:
    """What the sequences of a column hold, up to two deep."""
    for _ in range(2):
        feature = getattr(feature, "feature", feature)
    return feature


def _is_number(feature: Any) -> bool:
    dtype = str(getattr(feature, "dtype", ""))
    return dtype.startswith(_NUMBERS) and not hasattr(feature, "feature")


def _samples(table: _Table, said: Told, rows: list[int], say: Say) -> list[LabelledRecording]:
    """Of one user, whose rows are samples."""
    mine = table.data.select(rows)
    columns = {name: np.asarray(mine[name], np.float64) for name in table.signals}
    words = table.words(list(mine[table.label]))
    times = seconds_of(mine[table.time]) if table.time else np.empty(0)
    names = list(mine[table.recording]) if table.recording else [""] * len(rows)
    out = []
    for name in dict.fromkeys(names):
        at = [i for i, one in enumerate(names) if one == name]
        rate_hz = said.options.files.rate
        if table.time:
            t_s = times[at]
            rate_hz = rate_hz or rate_of(t_s)
            if 0 < rate_hz < _SLOW_HZ:
                say(f"rows are {1 / rate_hz:g} s apart; column {table.time} is to be in seconds")
        else:
            t_s = np.arange(len(at)) / rate_hz
        source = source_of("signals", table.signals, said.options.units, rate_hz)
        values = np.stack([column[at] for column in columns.values()], axis=1)
        out.append(
            recording_of(str(name) or "rows", t_s, [(source, values)], [words[i] for i in at])
        )
    return out


def _examples(table: _Table, said: Told, rows: list[int], _: Say) -> list[LabelledRecording]:
    """Of one user, whose rows are examples, in turns over the classes."""
    rate_hz = said.options.files.rate
    words = table.words(list(table.data.select(rows)[table.label]))
    by_class: dict[str, list[int]] = defaultdict(list)
    for row, word in zip(rows, words, strict=True):
        if word:
            by_class[word].append(row)
    turns = [row for turn in zip_longest(*by_class.values()) for row in turn if row is not None]
    word_of = dict(zip(rows, words, strict=True))
    out = []
    for row in turns:
        example, tables, count = table.data[row], [], 0
        for name, values in _sequences(table, example, row):
            labels = (
                [name] if values.shape[1] == 1 else [f"{name}{i}" for i in range(values.shape[1])]
            )
            source = source_of(name, labels, said.options.units, rate_hz)
            tables.append((source, values))
            count = max(count, len(values))
        whole = [(source, values) for source, values in tables if len(values) == count]
        t_s = np.arange(count) / rate_hz
        out.append(recording_of(f"row {row}", t_s, whole, [word_of[row]] * count))
    return out


def _sequences(
    table: _Table, example: dict[str, Any], row: int
) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """The columns of one row as (samples, numbers)."""
    for name in table.signals:
        try:
            values = np.asarray(example[name], np.float64)
        except (TypeError, ValueError) as error:
            raise DataError(f"row {row}: column {name}: {error}; expected numbers") from error
        if values.ndim not in (1, 2) or not values.size:
            raise DataError(
                f"row {row}: column {name} has shape {values.shape}; expected (samples,) or "
                "(samples, numbers)"
            )
        yield name, values.reshape(len(values), -1)
