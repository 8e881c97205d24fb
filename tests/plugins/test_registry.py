"""Registries and plug-ins: real packages on the path with real metadata, in a process of their
own, for a process loads plug-ins once."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from fedxr.plugins import PluginError, Registry
from fedxr.plugins.nearest import did_you_mean, nearest


@dataclass(frozen=True)
class Thing:
    name: str
    size: int = 1


def test_a_name_is_taken_once() -> None:
    things = Registry("thing", (Thing("a"),))
    assert things.add(Thing("b", 2)) == things["b"] == things.named("b")
    assert list(things) == ["a", "b"]
    assert "b" in things
    assert len(things) == 2
    things.add(Thing("b", 2))  # the same again, as when a module is imported twice
    with pytest.raises(PluginError, match="a thing 'b' is there already"):
        things.add(Thing("b", 3))


def test_an_unknown_name_lists_the_known() -> None:
    things = Registry("thing", (Thing("a"), Thing("b")))
    with pytest.raises(ValueError, match="unknown thing 'c'; known are a, b"):
        things.named("c")
    assert things.get("c") is None


def test_who_is_nearly_right_is_told_the_nearest() -> None:
    things = Registry("thing", (Thing("eye-tracker"), Thing("glove")))
    for name in ("eye tracker", "Eye_Tracker", " eye-traker"):
        with pytest.raises(ValueError, match=r"did you mean 'eye-tracker'\? known are eye-tracker"):
            things.named(name)
    assert did_you_mean("sock", things) == ""
    assert nearest("glvoe", things, cutoff=0.9) == []


def install(folder: Path, name: str, code: str) -> None:
    """A package ``name`` in ``folder`` as pip leaves it there: a module, and metadata."""
    (folder / f"{name}.py").write_text(code)
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[fedxr.plugins]\n{name} = {name}\n")


HOST = """
from fedxr.plugins import Registry, loaded
class Thing:
    def __init__(self, name): self.name = name
things = Registry("thing", (Thing("ours"),))
"""


def run(folder: Path, code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    (folder / "host.py").write_text(HOST)
    root = Path(__file__).parents[2]
    return subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": f"{folder}:{root}", "PATH": "", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )


def test_plug_ins_are_loaded_when_they_are_asked_for(tmp_path: Path) -> None:
    install(tmp_path, "extra", "import host; host.things.add(host.Thing('theirs'))")
    code = (
        "import sys, host; assert 'extra' not in sys.modules; host.things['ours'];"
        "assert 'extra' not in sys.modules; host.things['theirs']; print(list(host.things))"
    )
    assert run(tmp_path, code).stdout.strip() == "['ours', 'theirs']"


def test_one_that_fails_is_left_out_whole_and_the_others_go_on(tmp_path: Path) -> None:
    begun = "import host; host.things.add(host.Thing('half')); 1 / 0"
    install(tmp_path, "broken", begun)
    install(tmp_path, "twin", "import host; host.things.add(host.Thing('ours'))")
    install(tmp_path, "whole", "import host; host.things.add(host.Thing('theirs'))")
    done = run(
        tmp_path,
        "import host; print(list(host.things));"
        "[print(p.name, p.package, p.adds, p.problem) for p in host.loaded()]",
    )
    assert done.stdout.splitlines() == [
        "['ours', 'theirs']",
        "broken broken 1.0 () ZeroDivisionError: division by zero",
        "twin twin 1.0 () PluginError: a thing 'ours' is there already; name yours otherwise",
        "whole whole 1.0 (('thing', 'theirs'),) ",
    ]
    assert "plug-in broken (broken 1.0) is left out: ZeroDivisionError" in done.stderr


def test_a_server_may_say_which_it_loads(tmp_path: Path) -> None:
    for name in ("one", "two"):
        install(tmp_path, name, f"import host; host.things.add(host.Thing('{name}'))")
    code = "import host; print(list(host.things))"
    assert run(tmp_path, code, FEDXR_PLUGINS="two").stdout.strip() == "['ours', 'two']"
    assert run(tmp_path, code, FEDXR_PLUGINS="").stdout.strip() == "['ours']"


def test_registries_that_a_plug_in_is_the_first_to_import_are_taken_back_too(
    tmp_path: Path,
) -> None:
    begun = "from fedxr.agent.tasks import TASKS, Task\n"
    begun += "TASKS.add(Task('{0}', 'companion', ('a', 'b'), ('motion',), 500))\n"
    install(tmp_path, "broken", begun.format("half") + "1 / 0")
    install(tmp_path, "whole", begun.format("theirs"))
    code = "import fedxr.plugins as p; print([(x.name, x.adds) for x in p.loaded()])\n"
    code += "from fedxr.agent.tasks import TASKS; print('half' in TASKS, 'theirs' in TASKS)"
    assert run(tmp_path, code).stdout.splitlines() == [
        "[('broken', ()), ('whole', (('task', 'theirs'),))]",
        "False True",
    ]
