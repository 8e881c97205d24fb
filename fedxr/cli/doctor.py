"""``fedxr doctor``: what is installed, what is optional and missing, and how to get it."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.text import Text

from fedxr.bridge.sensors.source import SensorError
from fedxr.bridge.sensors.sources import SOURCES
from fedxr.cli.unity import lacking
from fedxr.extras import install_line
from fedxr.plugins import loaded
from fedxr.scenarios.recorded import RECORDED, count_folders

_PURPOSE = {
    "study": "recorded sets, baselines, figures (fedxr demo, federate, report, pretrain, data)",
    "formats": "read XDF, BIDS, LeRobot and datasets folders as recorded sets",
    "unity": "drive Unity scenes through ML-Agents",
    "lan": "serve headsets on the local network: certificate and QR code (fedxr serve --lan)",
    "tensorboard": "follow runs in TensorBoard (--track tensorboard)",
    "mlflow": "follow runs in MLflow (--track mlflow)",
    "wandb": "follow runs in Weights & Biases (--track wandb)",
    "rerun": "export recordings for the rerun viewer",
    "fuzz": "search for messages that break the bridge (benchmarks/fuzz_guided.py)",
    "sensors": "stream from LSL and BrainFlow devices",
    "quest": "stream hands and head of a Quest that runs Hand Tracking Streamer",
    "pupil": "stream gaze and pupils of Pupil Labs glasses",
    "osc": "stream avatars, faces and trackers that are sent by OSC",
    "test": "run the tests (make test)",
    "docs": "build the site of the documents",
    "dev": "run the checks (make check)",
}


@dataclass(frozen=True)
class Doctor:
    """What is installed, what is optional and missing, and how to get it."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; ``remedy`` says how to get what is missing.

    ``missing`` is needed and not there, ``absent`` is optional and not there.
    """

    what: str
    state: Literal["ok", "missing", "absent"]
    detail: str
    remedy: str = ""


def _installed(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _declared(lines: Sequence[str]) -> Iterator[tuple[str, str, bool]]:
    """Each distribution that ``lines`` name, its extra ("" for what is always needed), and whether
    it is wanted on this system."""
    for line in lines:
        name = re.match(r"[\w.-]+", line)
        extra = re.search(r"extra == ['\"](\w+)['\"]", line)
        excluded = "sys_platform" in line and sys.platform == "win32"
        if name:
            yield name[0], extra[1] if extra else "", not excluded


def packages() -> list[Finding]:
    """What pyproject.toml asks for, as installed here: one line per extra."""
    try:
        return compare(requires("fedxr") or [])
    except PackageNotFoundError:
        detail = "runs from a folder, not installed"
        return [Finding("fedxr", "missing", detail, install_line())]


def compare(lines: Sequence[str]) -> list[Finding]:
    """Requirements, as a distribution's metadata writes them, against what is installed."""
    declared = list(_declared(lines))
    findings = []
    for extra in ("", *_PURPOSE):
        names = [name for name, of, wanted in declared if of == extra and wanted]
        lacking = [name for name in names if _installed(name) is None]
        what = f"extra {extra}" if extra else "packages"
        have = ", ".join(f"{n} {_installed(n)}" for n in names if n not in lacking)
        if extra and not any(of == extra for _, of, _ in declared):
            detail = f"{_PURPOSE[extra]}: unknown to what is installed, which is older than this"
            findings.append(Finding(what, "missing", detail, install_line(extra)))
        elif not lacking:
            findings.append(Finding(what, "ok", have))
        elif extra:
            detail = f"{_PURPOSE[extra]}: lacks {', '.join(lacking)}"
            findings.append(Finding(what, "absent", detail, install_line(extra)))
        else:
            detail = f"lacks {', '.join(lacking)}"
            findings.append(Finding(what, "missing", detail, install_line()))
    return findings


def python() -> list[Finding]:
    """The interpreter."""
    detail = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    return [Finding("Python", "ok", detail)]


def torch_build() -> list[Finding]:
    """Which torch this is, as it says itself in a file: to load it takes longer than all else."""
    spec = find_spec("torch")
    told = Path(spec.origin).with_name("version.py") if spec and spec.origin else Path()
    if not told.is_file():
        return [Finding("torch", "missing", "every command that computes needs it", install_line())]
    written = dict(re.findall(r"^(\w+)[^=\n]*= '([^']+)'", told.read_text(), re.MULTILINE))
    version_, cuda = written.get("__version__", "unknown"), written.get("cuda")
    kind = f"built for CUDA {cuda}" if cuda else "built for the processor alone"
    if not cuda and shutil.which("nvidia-smi"):
        kind += ", though there is an NVIDIA driver"
    return [Finding("torch", "ok", f"{version_}, {kind}; {os.cpu_count()} cores")]


def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> list[Finding]:
    """The instruction sets that decide whether bf16 pays; only Linux says which there are."""
    if not cpuinfo.is_file():
        return [Finding("processor", "ok", platform.processor() or "features unknown here")]
    flags = re.search(r"^(?:flags|Features)\s*:(.*)$", cpuinfo.read_text(), re.MULTILINE)
    have = set(flags[1].split()) if flags else set()
    names = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "bf16")
    found = ", ".join(name for name in names if name in have) or "no vector extensions known"
    fast = have & {"avx512_bf16", "amx_bf16", "bf16"}
    advice = "bf16 in hardware" if fast else "no bf16 in hardware: exact fp32 is the faster choice"
    return [Finding("processor", "ok", f"{found}; {advice}")]


def browser() -> list[Finding]:
    """Chromium, which only the test of the live page needs."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        if found:
            return [Finding("chromium", "ok", found)]
    detail = "the test of the live page skips without it"
    return [Finding("chromium", "absent", detail, "apt-get install chromium")]


def unity_players() -> list[Finding]:
    """Whether ML-Agents' Python side can be imported, which its old protobuf may prevent."""
    if why := lacking():
        return [Finding("Unity players", "absent", *why.split(": ", 1))]
    detail = "com.unity.ml-agents up to 2.3 (pictures HWC) and from 3.0 on (CHW)"
    return [Finding("Unity players", "ok", detail)]


def recorded_data() -> list[Finding]:
    """$FEDXR_DATA, where recorded people are found unless ``--data`` says otherwise."""
    remedy = "export FEDXR_DATA=/folder/with/the/sets (fedxr data lists them)"
    root = os.environ.get("FEDXR_DATA", "")
    if not root:
        return [Finding("recorded data", "absent", "$FEDXR_DATA is not set", remedy)]
    if not Path(root).is_dir():
        return [Finding("recorded data", "missing", f"$FEDXR_DATA={root} is no folder", remedy)]
    known, own = count_folders(Path(root))
    detail = f"{root}: {known} of {len(RECORDED)} known sets"
    detail += f", and {own} of your own" if own else ""
    found = known + own
    return [Finding("recorded data", "ok" if found else "absent", detail, "" if found else remedy)]


def sensors() -> list[Finding]:
    """What `fedxr sensors` can take from; a library may be installed and yet not load."""
    found = []
    for kind in SOURCES.values():
        try:
            found.append(Finding(f"source {kind.name}", "ok", f"{kind.says}; {kind.check()}"))
        except SensorError as error:
            found.append(Finding(f"source {kind.name}", "absent", kind.says, str(error)))
    return found


def plug_ins() -> list[Finding]:
    """Installed plug-ins: what each adds, or why it was left out."""
    found = loaded()
    if not found:
        detail = "none; sensors, tasks, recorded sets and rules can be added (docs/extending.md)"
        return [Finding("plug-ins", "absent", detail, "pip install ./examples/radar, for instance")]
    return [
        Finding(
            f"plug-in {p.name}",
            "missing",
            f"{p.package} is left out: {p.problem}",
            "mend it, or uninstall it; $FEDXR_PLUGINS may name those that are to be loaded",
        )
        if p.problem
        else Finding(
            f"plug-in {p.name}",
            "ok",
            f"{p.package} adds " + ", ".join(f"{kind} {name}" for kind, name in p.adds),
        )
        for p in found
    ]


_LOOKS: tuple[Callable[[], list[Finding]], ...] = (
    python,
    torch_build,
    processor,
    packages,
    browser,
    unity_players,
    sensors,
    recorded_data,
    plug_ins,
)
_STYLES = {"ok": "green", "missing": "red", "absent": "yellow"}


def doctor_command(_: Doctor, console: Console) -> int:
    """Print it; 1 where something that is needed is missing."""
    return 0 if doctor(console) else 1


def doctor(console: Console | None = None) -> bool:
    """Print what was found; False when something that is needed is missing."""
    out = console or Console()
    findings = [finding for look in _LOOKS for finding in look()]
    out.print(as_text(findings), soft_wrap=True, end="")
    return all(finding.state != "missing" for finding in findings)


def as_text(findings: Sequence[Finding]) -> Text:
    """A paragraph a finding; what is to be copied stands in a line of its own, however narrow the
    terminal."""
    text = Text()
    for finding in findings:
        text.append(f"{finding.state:8}", style=_STYLES[finding.state])
        text.append(finding.what, style="bold").append(f": {finding.detail}\n")
        if finding.remedy:
            text.append(f"{'':8}{finding.remedy}\n", style=_STYLES[finding.state])
    return text
