"""Materials of the built-in render pipeline's Standard shader, one generated .mat file each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from unity_project.scenes.project import Project
from unity_project.scenes.values import Asset, Color, mapping

HEADER = "%YAML 1.1\n%TAG !u! tag:unity3d.com,2011:\n"
BUILTIN_EXTRA = "0000000000000000f000000000000000"
STANDARD_SHADER = Asset("", 46, 0, guid=BUILTIN_EXTRA)


@dataclass(frozen=True)
class Material:
    """Written to ``Assets/Materials/<name>.mat`` with the first scene that uses it."""

    name: str
    color: Color = Color(1, 1, 1)  # an alpha below 1 makes it see-through
    metallic: float = 0.0
    smoothness: float = 0.3
    emission: Color | None = None  # the light it gives off by itself

    @property
    def asset(self) -> Asset:
        return Asset(f"Assets/Materials/{self.name}.mat", 2100000, 2)

    def text(self, project: Project) -> str:
        """The .mat file; its keywords, render queue and blending say what the colours mean."""
        clear = self.color.a < 1
        keywords = ["_ALPHAPREMULTIPLY_ON"] * clear + ["_EMISSION"] * (self.emission is not None)
        floats = {
            "_BumpScale": 1,
            "_Cutoff": 0.5,
            "_DetailNormalMapScale": 1,
            "_DstBlend": 10 if clear else 0,  # one minus source alpha
            "_GlossMapScale": 1,
            "_Glossiness": self.smoothness,
            "_GlossyReflections": 1,
            "_Metallic": self.metallic,
            "_Mode": 3 if clear else 0,  # transparent, opaque
            "_OcclusionStrength": 1,
            "_Parallax": 0.02,
            "_SmoothnessTextureChannel": 0,
            "_SpecularHighlights": 1,
            "_SrcBlend": 1,
            "_UVSec": 0,
            "_ZWrite": int(not clear),
        }
        colors = {"_Color": self.color, "_EmissionColor": self.emission or Color(0, 0, 0)}
        fields: dict[str, Any] = {
            "serializedVersion": 8,
            "m_ObjectHideFlags": 0,
            "m_CorrespondingSourceObject": None,
            "m_PrefabInstance": None,
            "m_PrefabAsset": None,
            "m_Name": self.name,
            "m_Shader": STANDARD_SHADER,
            "m_Parent": None,
            "m_ModifiedSerializedProperties": 0,
            "m_ValidKeywords": keywords,
            "m_InvalidKeywords": [],
            "m_LightmapFlags": 4 if self.emission is None else 2,
            "m_EnableInstancingVariants": 1,
            "m_DoubleSidedGI": 0,
            "m_CustomRenderQueue": 3000 if clear else -1,
            "stringTagMap": {"RenderType": "Transparent"} if clear else {},
            "disabledShaderPasses": [],
            "m_LockedProperties": "",
            "m_SavedProperties": {
                "serializedVersion": 3,
                "m_TexEnvs": [],
                "m_Ints": [],
                "m_Floats": [{name: value} for name, value in floats.items()],
                "m_Colors": [{name: value} for name, value in colors.items()],
            },
            "m_BuildTextureStacks": [],
        }
        lines = ["--- !u!21 &2100000", "Material:", *mapping(fields, project.guid)]
        return HEADER + "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True)
class _FontMaterial(Material):
    """Unity's own material of its built-in font; there is no file to write."""

    @property
    def asset(self) -> Asset:
        return Asset("", 10100, 0, guid="0000000000000000e000000000000000")


FONT = _FontMaterial("Font Material")
