"""Names as files: another one for each, in the folder where it belongs."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from fedxr.experiments.kept_models import as_file

NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


@given(NAMES, NAMES)
def test_names_stay_apart_and_in_their_folder(a: str, b: str) -> None:
    for name in (a, b):
        file = Path("here") / as_file(name)
        assert file.parent == Path("here")
        assert file.name not in {"", ".", ".."}
        assert len(file.name) < 200
    assert (as_file(a) == as_file(b)) == (a == b)


def test_usual_names_stay_as_they_are() -> None:
    assert [as_file(n) for n in ("persona-0003", "s07", "..", "")] == [
        "persona-0003", "s07", "%2E%2E", "%",
    ]  # fmt: skip
