"""Faults in one .unity file: its objects, their references, and what scripts receive."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from unity_project.scenes.documents import Document, Reference, UnityYamlError, read
from unity_project.scenes.findings import Finding
from unity_project.scenes.known import ASSET_IDS, BUILTIN_GUIDS, CLASSES, Library
from unity_project.scenes.serialization import misfits

_SCRIPT_HEADS = {"m_Enabled", "m_EditorHideFlags", "m_Script", "m_Name", "m_EditorClassIdentifier"}
_SCRIPT_HEADS |= {"m_ObjectHideFlags", "m_CorrespondingSourceObject", "m_PrefabInstance"}
_SCRIPT_HEADS |= {"m_PrefabAsset", "m_GameObject"}


@dataclass
class SceneCheck:
    """One pass over one scene. Afterwards ``findings`` holds what is wrong with it."""

    library: Library
    file: str
    findings: list[Finding] = field(default_factory=list)
    documents: dict[int, Document] = field(default_factory=dict)

    def run(self) -> list[Finding]:
        text = (self.library.project.root / self.file).read_text(encoding="utf-8")
        try:
            found = read(text)
            self._identities(found)
            for document in found:
                self._references(document)
                self._document(document)
            self._scene()
        except UnityYamlError as trouble:
            self._say(trouble.line, trouble.found, trouble.allowed, "write the scene anew")
        return self.findings

    def kind(self, reference: Reference) -> str | None:
        """The class of what a field refers to: a script's own, or Unity's."""
        document = self.documents.get(reference.file_id)
        if reference.guid or document is None:
            return None
        return self._script_name(document) or document.name

    def _say(self, line: int, found: str, allowed: str, remedy: str) -> None:
        self.findings.append(Finding(self.file, line, found, allowed, remedy))

    def _identities(self, found: list[Document]) -> None:
        for document in found:
            first = self.documents.setdefault(document.file_id, document)
            if first is not document:
                self._say(
                    document.line,
                    f"file ID {document.file_id} again, first in line {first.line}",
                    "a file ID names one object of the scene",
                    "rename one of the two objects in the scene's description",
                )
            name = CLASSES.get(document.class_id, document.name)
            if name != document.name:
                self._say(
                    document.line, f"class {document.class_id} with the name {document.name}",
                    f"class {document.class_id} is {name}", "correct the separator or the name",
                )  # fmt: skip

    def _references(self, document: Document) -> None:
        for path, reference in document.fields.references():
            line, number, guid = reference.line, reference.file_id, reference.guid
            if not guid:
                if number and number not in self.documents:
                    self._say(
                        line, f"{path}: file ID {number}, which the scene does not have",
                        "the file ID of an object in this scene, or 0",
                        "describe that object, or leave the field out",
                    )  # fmt: skip
            elif guid in self.library.paths:
                asset = self.library.paths[guid]
                wanted = ASSET_IDS.get(asset[asset.rfind(".") :])
                if wanted and (number, reference.type) != wanted:
                    self._say(
                        line, f"{path}: fileID {number}, type {reference.type} of {asset}",
                        f"fileID {wanted[0]}, type {wanted[1]} for such a file",
                        "refer to it by text_asset, Material or script",
                    )  # fmt: skip
            elif number not in BUILTIN_GUIDS.get(guid, ()):
                known = guid in BUILTIN_GUIDS
                self._say(
                    line,
                    f"{path}: fileID {number} of Unity's own {guid}" if known
                    else f"{path}: guid {guid}, which no .meta has",
                    "an asset of this project, or a built-in one that is known",
                    "correct the reference, write missing metas (`metas`), or add what Unity "
                    "has to known.py",
                )  # fmt: skip

    def _document(self, document: Document) -> None:
        if document.stripped:
            return
        if document.name == "GameObject":
            self._game_object(document)
        elif document.name == "Transform":
            self._transform(document)
        if document.name == "MonoBehaviour":
            self._behaviour(document)
        if "m_GameObject" in (document.fields.entries or {}):
            self._belongs(document)

    def _game_object(self, document: Document) -> None:
        listed = [
            item.get("component").reference
            for item in document.fields.get("m_Component").items or []
        ]
        owned = [self.documents[r.file_id] for r in listed if r and r.file_id in self.documents]
        name = document.fields.get("m_Name").text
        if [one.name for one in owned].count("Transform") != 1 or owned[0].name != "Transform":
            self._say(
                document.line,
                f"{name} has {', '.join(one.name for one in owned) or 'no components'}",
                "a game object has one Transform, its first component",
                "make it with Scene.object, which adds that",
            )  # fmt: skip
        for one in owned:
            back = one.fields.get("m_GameObject").reference
            if back is None or back.file_id != document.file_id:
                self._say(
                    one.line,
                    f"{one.name} {one.file_id} points to {back.file_id if back else 'no object'}",
                    f"{document.file_id}: {name}, which lists it",
                    "let m_GameObject and m_Component agree",
                )

    def _belongs(self, document: Document) -> None:
        back = document.fields.get("m_GameObject").reference
        owner = self.documents.get(back.file_id) if back else None
        listed = (
            [r.file_id for _, r in owner.fields.get("m_Component").references()] if owner else []
        )
        if owner and listed.count(document.file_id) != 1:
            self._say(
                document.line,
                f"{document.name} {document.file_id} stands {listed.count(document.file_id)} times "
                f"among the components of {owner.fields.get('m_Name').text}",
                "once", "let m_GameObject and m_Component agree",
            )  # fmt: skip

    def _transform(self, document: Document) -> None:
        father = document.fields.get("m_Father").reference
        above = self.documents.get(father.file_id) if father else None
        if above is not None and document.file_id not in self._children(above):
            self._say(
                document.line,
                f"Transform {document.file_id} has a father {above.file_id} that does not list it",
                "a father lists each of its children",
                "let m_Father and m_Children agree",
            )
        for child in self._children(document):
            below = self.documents.get(child)
            back = below.fields.get("m_Father").reference if below else None
            if below and (back is None or back.file_id != document.file_id):
                self._say(
                    document.line,
                    f"Transform {document.file_id} lists the child {child}, whose father is "
                    f"{back.file_id if back else 'none'}",
                    "a child has the father that lists it",
                    "let m_Father and m_Children agree",
                )

    def _children(self, document: Document) -> list[int]:
        return [r.file_id for _, r in document.fields.get("m_Children").references()]

    def _script_name(self, document: Document) -> str:
        script = document.fields.get("m_Script").reference
        path = self.library.paths.get(script.guid, "") if script else ""
        return path.rpartition("/")[2].removesuffix(".cs") if path.endswith(".cs") else ""

    def _behaviour(self, document: Document) -> None:
        name = self._script_name(document)
        script = self.library.behaviours.get(name)
        if not name or script is None:
            if name:
                self._say(
                    document.line, f"{name}.cs, in which no MonoBehaviour is named {name}",
                    f"a class {name} that derives from MonoBehaviour",
                    "name the class as its file, or refer to another script",
                )  # fmt: skip
            return
        if "abstract" in script.modifiers:
            self._say(
                document.line, f"{name}, which is abstract",
                "a class that Unity can make", "use a class derived from it",
            )  # fmt: skip
        assembly = self.library.assembly(script.path)
        if assembly.editor_only:
            self._say(
                document.line, f"{name} of {assembly.name}, an assembly for the editor only",
                "a script whose assembly is built into players",
                f"move {script.path} out of that assembly",
            )  # fmt: skip
        fields = self.library.sources.fields(script)
        for key, value in (document.fields.entries or {}).items():
            if key in _SCRIPT_HEADS:
                continue
            if key not in fields:
                self._say(
                    value.line, f"{name}.{key}", f"{name} has {', '.join(fields) or 'no fields'}",
                    "correct the name, or make the C# field public or [SerializeField]",
                )  # fmt: skip
                continue
            for misfit in misfits(self.library.sources, self, fields[key].type, value, key):
                self._say(
                    misfit.line, f"{name}.{misfit.found}", misfit.allowed,
                    "correct the scene's description or the type of the C# field",
                )  # fmt: skip

    def _scene(self) -> None:
        """What a scene as a whole must have."""
        every = self.documents.values()
        roots = [d for d in every if d.name == "SceneRoots"]
        wanted = {
            d.file_id
            for d in every
            if d.name == "Transform" and (r := d.fields.get("m_Father").reference) and not r.file_id
        }
        listed = Counter(r.file_id for d in roots for _, r in d.fields.get("m_Roots").references())
        if len(roots) != 1 or listed != Counter(wanted):
            self._say(
                roots[0].line if roots else 1,
                f"{len(roots)} SceneRoots with {len(listed)} of {len(wanted)} roots",
                "one SceneRoots that lists every Transform without father, once each",
                "write the scene anew",
            )
        self._reached(list(listed))
        kinds = Counter(self._script_name(d) or d.name for d in every)
        for kind, why in (
            ("HeadsetConnection", "it is what connects a scene to its agent"),
            ("AudioListener", "Unity hears with one"),
        ):
            if kinds[kind] != 1:
                self._say(1, f"{kinds[kind]} {kind}", f"one: {why}", "add it, or remove the others")
        if not kinds["Camera"]:
            self._say(
                1, "no Camera", "at least one: nothing is seen without", "add one to the head"
            )

    def _reached(self, roots: list[int]) -> None:
        """Tell of transforms that hang on no root: those of a circle of fathers."""
        reached: set[int] = set()
        below = roots
        while below:
            number = below.pop()
            if number in self.documents and number not in reached:
                reached.add(number)
                below += self._children(self.documents[number])
        for document in self.documents.values():
            father = document.fields.get("m_Father").reference
            if document.name == "Transform" and document.file_id not in reached and father:
                self._say(
                    document.line, f"Transform {document.file_id}, which hangs on no root",
                    "a line of fathers that ends at a root", "let m_Father lead to a root",
                )  # fmt: skip
