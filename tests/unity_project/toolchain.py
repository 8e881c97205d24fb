"""Compiles and runs our C# without Unity: Mono's ``mcs`` is the base, Roslyn the strict check.

In a test:

    def test_it(assemblies):                     # fixture; skips, and says why, without mcs
        stub = assemblies.build("UnityEngine", [HERE / "stub"])
        runtime = assemblies.build("Fedxr", [PACKAGE / "Runtime"], [assemblies.core, stub])
        player = assemblies.build("Player", [HERE / "player"], [runtime, stub, assemblies.core],
                                  target="exe")
        done = assemblies.run(player, "--seconds", "2")     # CompletedProcess; raises if it fails

Elsewhere (a benchmark): ``Assemblies.found()``, which raises `ToolchainMissing`.

Sources are files and folders; a folder is read as Unity reads it: ``.cs`` files below it, but not
those below another ``.asmdef`` or a name ending in ``~``. What is built lies in ``build/csharp``,
named by a hash of everything that went into it, so nothing is compiled twice; references lie beside
it, so that Mono finds them. Warnings are errors.

``Assemblies.strict()`` (fixture ``strict_assemblies``) builds the same with Roslyn, C# 9 and
nullable off, where get_csharp.sh has fetched it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PACKAGE = ROOT / "unity_project" / "Packages" / "com.fedxr.bridge"
CORE = PACKAGE / "Runtime" / "Core"
BUILD = ROOT / "build" / "csharp"
APT = "mono-mcs mono-runtime libmono-system-core4.0-cil nunit-console libnunit-framework2.6.3-cil"


class ToolchainMissing(Exception):  # noqa: N818 -- not an error: a machine without Mono
    """A tool is not on this machine; the message says how to get it."""


class CompileError(Exception):
    """The compiler's messages."""


@dataclass(frozen=True)
class Assemblies:
    """A compiler and what it has built."""

    compiler: tuple[str, ...]
    mono: str

    @classmethod
    def found(cls) -> Assemblies:
        """Raises ToolchainMissing."""
        mcs, mono = shutil.which("mcs"), shutil.which("mono")
        if mcs is None or mono is None:
            raise ToolchainMissing(f"no Mono on this machine: apt-get install {APT}")
        options = ("-langversion:experimental", "-warnaserror", "-warn:4", "-debug", "-nologo")
        return cls((mcs, *options), mono)

    @classmethod
    def strict(cls) -> Assemblies:
        """As `found`, with Roslyn. Raises ToolchainMissing."""
        mono = cls.found().mono
        folder = Path(os.environ.get("FEDXR_CSHARP", Path.home() / ".cache" / "fedxr" / "csharp"))
        csch, source = folder / "csch", folder / "csch.cs"
        fresh = csch.exists() and source.read_bytes() == (HERE / "roslyn" / "csch.cs").read_bytes()
        if not fresh:
            raise ToolchainMissing(f"no Roslyn in {folder}: tests/unity_project/get_csharp.sh")
        return cls((str(csch),), mono)

    @property
    def core(self) -> Path:
        """Fedxr.Core.dll, its public API documented throughout (CS1591 is an error)."""
        return self.build("Fedxr.Core", [CORE], documented=True)

    def build(
        self,
        name: str,
        sources: Iterable[Path],
        references: Sequence[Path | str] = (),
        target: str = "library",
        defines: Sequence[str] = (),
        documented: bool = False,
    ) -> Path:
        """Compile ``name``.dll, or .exe with ``target`` exe; returns its path.

        ``references`` are paths of built ones and names of the system's (``System.Xml``).
        Raises CompileError with what the compiler says.
        """
        files = source_files(sources)
        # Unity assigns serialized fields (649); it does not warn either.
        options = ["-nowarn:649", f"-target:{target}", "-r:System", "-r:System.Core"]
        if defines:
            options.append(f"-define:{';'.join(defines)}")
        return _cached(name, target, files, references, [*self.compiler, *options], documented)

    def run(
        self,
        program: Path,
        *arguments: str,
        timeout_s: float = 120.0,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a built program to its end; raises AssertionError with its output when it fails."""
        done = subprocess.run(
            self.command(program, *arguments),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            env={**os.environ, **(env or {})},
            check=False,
        )
        if done.returncode != 0:
            raise AssertionError(
                f"{program.name} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
            )
        return done

    def command(self, program: Path, *arguments: str) -> list[str]:
        """What starts a built program."""
        return [self.mono, "--debug", str(program), *arguments]

    def nunit(self, tests: Path, timeout_s: float = 120.0) -> str:
        """Run a library's NUnit tests; returns the summary, raises AssertionError if one fails."""
        console = shutil.which("nunit-console")
        if console is None:
            raise ToolchainMissing(f"no nunit-console on this machine: apt-get install {APT}")
        # Beside the library: nunit-console looks for configuration and writes its result there.
        done = subprocess.run(
            [console, "-nologo", "-nodots", "-noxml", "-nothread", tests.name],
            cwd=tests.parent,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        summary = next((s for s in done.stdout.splitlines() if s.startswith("Tests run:")), "")
        if done.returncode != 0 or "Failures: 0" not in summary:
            raise AssertionError(f"{tests.name}: {summary}\n{done.stdout}\n{done.stderr}")
        return summary


def nunit_framework() -> Path:
    """nunit.framework.dll, to compile tests against; raises ToolchainMissing."""
    found = sorted(Path("/usr/lib/mono/gac/nunit.framework").glob("*/nunit.framework.dll"))
    if not found:
        raise ToolchainMissing(f"no NUnit on this machine: apt-get install {APT}")
    return found[-1]


def source_files(sources: Iterable[Path]) -> list[Path]:
    """The ``.cs`` files that Unity would compile into the assembly of these files and folders."""
    files: list[Path] = []
    for source in sources:
        if source.is_file():
            files.append(source)
        elif not source.is_dir():
            raise FileNotFoundError(f"no source {source}")
        else:
            _read_folder(source, files)
    return files


def _read_folder(folder: Path, files: list[Path]) -> None:
    for entry in sorted(folder.iterdir()):
        if entry.suffix == ".cs":
            files.append(entry)
        elif entry.is_dir() and not entry.name.endswith("~") and not any(entry.glob("*.asmdef")):
            _read_folder(entry, files)


def _cached(
    name: str,
    target: str,
    files: Sequence[Path],
    references: Sequence[Path | str],
    command: Sequence[str],
    documented: bool,
) -> Path:
    """What ``command`` makes of ``files``, unless it lies there already."""
    digest = hashlib.sha256(repr((command, documented)).encode())
    for path in files:
        digest.update(str(path).encode() + b"\0" + path.read_bytes())
    for reference in references:
        # A built reference lies in a folder named by its own hash.
        digest.update(str(reference).encode())
    folder = BUILD / f"{name}-{digest.hexdigest()[:16]}"
    built = folder / f"{name}.{'exe' if target == 'exe' else 'dll'}"
    if built.exists():
        return built
    BUILD.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD) as made:
        here = Path(made) / "made"
        here.mkdir()
        arguments = [*command, f"-out:{here / built.name}"]
        if documented:
            arguments.append(f"-doc:{here / name}.xml")
        arguments += [f"-r:{reference}" for reference in references]
        done = subprocess.run(
            [*arguments, *map(str, files)], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise CompileError(f"{name}:\n{done.stdout}{done.stderr}")
        for reference in references:
            _lay_beside(Path(reference), here)
        # Two processes may have built the same: the first stays.
        if not folder.exists():
            try:
                here.rename(folder)
            except OSError:
                if not built.exists():
                    raise
    return built


def _lay_beside(reference: Path, folder: Path) -> None:
    """Copy a built reference, and what lies beside it, into ``folder``."""
    if not reference.is_absolute():
        return
    beside = reference.parent.glob("*.dll") if BUILD in reference.parents else [reference]
    for dll in beside:
        if not (folder / dll.name).exists():
            shutil.copy(dll, folder)
