"""The validator names each kind of fault, sown one at a time; where there is none, it is silent."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from faults import FAULTS, field
from seeded import SCENE, plant

from unity_project.scenes import Project
from unity_project.scenes.__main__ import main, scenes
from unity_project.scenes.check import check
from unity_project.scenes.csharp import types
from unity_project.scenes.documents import UnityYamlError, read


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Path:
    """The small project without a fault."""
    root = tmp_path_factory.mktemp("sound")
    plant(root)
    return root


def test_the_small_project_is_sound(sound: Path) -> None:
    assert [str(finding) for finding in check(Project(sound))] == []


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_named(sound: Path, tmp_path: Path, fault: str) -> None:
    sow, file, found, allowed = FAULTS[fault]
    root = tmp_path / "project"
    shutil.copytree(sound, root)
    sow(root)
    told = check(Project(root))
    named = [t for t in told if t.file == file and found in t.found and allowed in t.allowed]
    assert named, f"{fault}: told were {[str(t) for t in told]}"
    assert all(t.remedy and t.line >= 1 for t in told)


def test_a_finding_names_the_line(sound: Path, tmp_path: Path) -> None:
    root = tmp_path / "project"
    shutil.copytree(sound, root)
    field("count: 3", "count: many")(root)
    lines = (root / SCENE).read_text().splitlines()
    [finding] = check(Project(root))
    assert finding.line == lines.index("  count: many") + 1
    assert str(finding).startswith(
        f"{SCENE}:{finding.line}: Machine.count: 'many'\n  allowed: int: "
    )


def test_the_command_tells_and_fails(sound: Path, tmp_path: Path, capsys) -> None:
    root = tmp_path / "project"
    shutil.copytree(sound, root)
    assert main(["check", "--project", str(root)]) == 0
    assert capsys.readouterr().out == "nothing is wrong\n"
    field("count: 3", "counts: 3")(root)
    assert main(["check", "--project", str(root)]) == 1
    assert re.search(
        r"Hall\.unity:\d+: Machine\.counts\n.*\n.*\n1 found\n", capsys.readouterr().out
    )


def test_without_pyyaml_the_command_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['yaml'] = None\n"
        "from unity_project.scenes.__main__ import main; sys.exit(main(['check']))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Project().root.parent,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 2
    assert "pip install pyyaml" in ended.stderr


def test_the_shipped_project_is_sound() -> None:
    assert [str(finding) for finding in check(Project())] == []


@pytest.mark.parametrize("scene", scenes(), ids=lambda scene: scene.name)
def test_shipped_scenes_are_as_described(scene) -> None:
    """Fails after a change of a description: run `python -m unity_project.scenes write`."""
    project = Project()
    shipped = (project.root / f"Assets/Scenes/{scene.name}.unity").read_text(encoding="utf-8")
    assert shipped == scene.text(project)
    for material in scene.materials:
        if material.asset.path:
            assert (project.root / material.asset.path).read_text() == material.text(project)


def test_declarations_of_every_kind_are_understood() -> None:
    source = """
    using System; // public int no;
    [assembly: Some(typeof(int))]
    namespace A.B {
      [Serializable] public class P<T> : Base<int, T>, IOne where T : class, new() {
        public int a, b = 3, c;
        public const int K = 1; public static int s; int hidden; public readonly int r;
        [Tooltip("; {"), SerializeField] List<D<int, string>> d = new List<D<int, string>>();
        [SerializeField] [Range(0, 1)] float f = 0.5f;
        public int Prop { get; set; } = 4; public int Q => 5; int this[int i] { get { return 1; } }
        public static P<T> operator ==(P<T> x, P<T> y) { return x; }
        public event Action<int> E; public delegate void G(int x); ~P() { }
        P() : base(1) { if (a < b) { c = '"'; } }
        public enum Kind { One, [Some(2)] Two = 5, Three, Flag = 0x10 }
        [HideInInspector] public Kind kind = Kind.One; public string[] xs = { "a", "b;}" };
        public Func<int, int> fn = x => x + 1; public T Get<U>(U u) where U : class => default(T);
        public string v = @"a"\"{", w = $"x{a}";
      }
      struct Q { public int q; }
    }
    """
    p, kind, q = types(source, "P.cs")
    assert (p.full_name, p.bases, p.attributes) == (
        "A.B.P",
        ["Base<int,T>", "IOne"],
        {"Serializable"},
    )
    assert [(one.type, one.name) for one in p.fields] == [
        ("int", "a"), ("int", "b"), ("int", "c"), ("List<D<int,string>>", "d"), ("float", "f"),
        ("Kind", "kind"), ("string[]", "xs"), ("Func<int,int>", "fn"),
        ("string", "v"), ("string", "w"),
    ]  # fmt: skip
    assert p.fields[0].line == 6
    assert (kind.full_name, kind.values) == (
        "A.B.P.Kind",
        {"One": 0, "Two": 5, "Three": 6, "Flag": 16},
    )
    assert (q.full_name, [one.name for one in q.fields]) == ("A.B.Q", ["q"])


def test_values_keep_their_text_and_line() -> None:
    text = (
        "%YAML 1.1\n%TAG !u! tag:unity3d.com,2011:\n--- !u!4 &7 stripped\nTransform:\n  a: 1e3\n"
        "  b:\n  - {fileID: 5, guid: 12345678901234567890123456789012, type: 3}\n"
    )
    [document] = read(text)
    assert (document.class_id, document.file_id, document.stripped, document.line) == (
        4,
        7,
        True,
        3,
    )
    assert (document.fields.get("a").text, document.fields.get("a").line) == ("1e3", 5)
    [(path, reference)] = document.fields.references()
    assert (path, reference.guid, reference.line) == ("b[0]", "12345678901234567890123456789012", 7)
    with pytest.raises(UnityYamlError, match="no document"):
        read("%YAML 1.1\n%TAG !u! tag:unity3d.com,2011:\n")
