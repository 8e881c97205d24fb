"""Unity's own components that the scenes use, each with all the fields the editor would save."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

from unity_project.scenes.materials import FONT, Material
from unity_project.scenes.values import Asset, Color, Quaternion, Vector2, Vector3

BUILTIN = "0000000000000000e000000000000000"
EVERYTHING = {"serializedVersion": 2, "m_Bits": 4294967295}
NOTHING = {"serializedVersion": 2, "m_Bits": 0}


@dataclass(frozen=True, eq=False)
class Native:
    """One YAML document of a component: Unity's class and the fields after m_GameObject."""

    class_id: int
    name: str
    fields: dict[str, Any]
    enabled: bool | None = True  # None: the class cannot be switched off
    materials: tuple[Material, ...] = ()


class Part(Protocol):
    """What `GameObject.add` takes: one or several components that belong together."""

    def natives(self) -> list[Native]:
        """The components in order; references to the part mean the last."""


@dataclass(frozen=True)
class _Shape:
    """A built-in mesh of unit size; ``solid`` adds the BoxCollider that rays and pointers hit."""

    material: Material
    solid: bool = False
    shadows: bool = True

    mesh_id: ClassVar[int]
    size: ClassVar[Vector3] = Vector3(1, 1, 1)  # of the mesh, metres at scale 1

    def natives(self) -> list[Native]:
        mesh = {"m_Mesh": Asset("", self.mesh_id, 0, guid=BUILTIN)}
        collider = BoxCollider(self.size).natives() if self.solid else []
        return [
            Native(33, "MeshFilter", mesh, enabled=None),
            *collider,
            _renderer(self.material, shadows=self.shadows),
        ]


class Cube(_Shape):
    mesh_id = 10202


class Cylinder(_Shape):
    mesh_id = 10206
    size = Vector3(1, 2, 1)


class Sphere(_Shape):
    mesh_id = 10207


class Capsule(_Shape):
    mesh_id = 10208
    size = Vector3(1, 2, 1)


class Plane(_Shape):
    mesh_id = 10209
    size = Vector3(10, 0.01, 10)


class Quad(_Shape):
    mesh_id = 10210
    size = Vector3(1, 1, 0.01)


def _renderer(material: Material, *, shadows: bool) -> Native:
    fields: dict[str, Any] = {
        "m_CastShadows": shadows,
        "m_ReceiveShadows": shadows,
        "m_DynamicOccludee": 1,
        "m_StaticShadowCaster": 0,
        "m_MotionVectors": 1,
        "m_LightProbeUsage": 1,
        "m_ReflectionProbeUsage": 1,
        "m_RayTracingMode": 2,
        "m_RayTraceProcedural": 0,
        "m_RenderingLayerMask": 1,
        "m_RendererPriority": 0,
        "m_Materials": [material.asset],
        "m_StaticBatchInfo": {"firstSubMesh": 0, "subMeshCount": 0},
        "m_StaticBatchRoot": None,
        "m_ProbeAnchor": None,
        "m_LightProbeVolumeOverride": None,
        "m_ScaleInLightmap": 1,
        "m_ReceiveGI": 1,
        "m_PreserveUVs": 0,
        "m_IgnoreNormalsForChartDetection": 0,
        "m_ImportantGI": 0,
        "m_StitchLightmapSeams": 1,
        "m_SelectedEditorRenderState": 3,
        "m_MinimumChartSize": 4,
        "m_AutoUVMaxDistance": 0.5,
        "m_AutoUVMaxAngle": 89,
        "m_LightmapParameters": None,
        "m_SortingLayerID": 0,
        "m_SortingLayer": 0,
        "m_SortingOrder": 0,
        "m_AdditionalVertexStreams": None,
    }
    return Native(23, "MeshRenderer", fields, materials=(material,))


@dataclass(frozen=True)
class BoxCollider:
    size: Vector3 = Vector3(1, 1, 1)
    center: Vector3 = Vector3(0, 0, 0)
    trigger: bool = False

    def natives(self) -> list[Native]:
        fields = {
            "m_Material": None,
            "m_IncludeLayers": NOTHING,
            "m_ExcludeLayers": NOTHING,
            "m_LayerOverridePriority": 0,
            "m_IsTrigger": self.trigger,
            "m_ProvidesContacts": 0,
            "serializedVersion": 3,
            "m_Size": self.size,
            "m_Center": self.center,
        }
        return [Native(65, "BoxCollider", fields)]


ANCHORS = ("upper left", "upper center", "upper right", "middle left", "middle center",
           "middle right", "lower left", "lower center", "lower right")  # fmt: skip


@dataclass(frozen=True)
class Text:
    """A TextMesh with its renderer. Lines are ``6.4 * size`` metres high where scale is 1."""

    text: str = ""
    size: float = 0.01
    color: Color = Color(1, 1, 1)
    anchor: str = "middle center"

    def natives(self) -> list[Native]:
        if self.anchor not in ANCHORS:
            raise ValueError(f"anchor {self.anchor!r} of a text; allowed are {', '.join(ANCHORS)}")
        anchor = ANCHORS.index(self.anchor)
        red, green, blue, alpha = (round(255 * min(max(part, 0), 1)) for part in self.color)
        fields = {
            "serializedVersion": 3,
            "m_Text": self.text,
            "m_OffsetZ": 0,
            "m_CharacterSize": self.size,
            "m_LineSpacing": 1,
            "m_Anchor": anchor,
            "m_Alignment": anchor % 3,
            "m_TabSize": 4,
            "m_FontSize": 64,
            "m_FontStyle": 0,
            "m_RichText": 1,
            "m_Font": Asset("", 10102, 0, guid=BUILTIN),
            "m_Color": {
                "serializedVersion": 2,
                "rgba": red | green << 8 | blue << 16 | alpha << 24,
            },
        }
        return [_renderer(FONT, shadows=False), Native(102, "TextMesh", fields, enabled=None)]


@dataclass(frozen=True)
class Camera:
    """``background`` in place of the skybox where it is given."""

    field_of_view: float = 60.0  # degrees, vertical; a headset overrides it
    near: float = 0.05  # metres
    far: float = 200.0
    background: Color | None = None
    enabled: bool = True  # False: renders only when a script says so

    def natives(self) -> list[Native]:
        fields = {
            "serializedVersion": 2,
            "m_ClearFlags": 1 if self.background is None else 2,
            "m_BackGroundColor": self.background or Color(0.19, 0.3, 0.47, 0),
            "m_projectionMatrixMode": 1,
            "m_GateFitMode": 2,
            "m_FOVAxisMode": 0,
            "m_SensorSize": Vector2(36, 24),
            "m_LensShift": Vector2(0, 0),
            "m_FocalLength": 50,
            "m_NormalizedViewPortRect": {
                "serializedVersion": 2, "x": 0, "y": 0, "width": 1, "height": 1,
            },
            "near clip plane": self.near,
            "far clip plane": self.far,
            "field of view": self.field_of_view,
            "orthographic": 0,
            "orthographic size": 5,
            "m_Depth": -1,
            "m_CullingMask": EVERYTHING,
            "m_RenderingPath": -1,
            "m_TargetTexture": None,
            "m_TargetDisplay": 0,
            "m_TargetEye": 3,
            "m_HDR": 1,
            "m_AllowMSAA": 1,
            "m_AllowDynamicResolution": 0,
            "m_ForceIntoRT": 0,
            "m_OcclusionCulling": 1,
            "m_StereoConvergence": 10,
            "m_StereoSeparation": 0.022,
        }  # fmt: skip
        return [Native(20, "Camera", fields, self.enabled)]


@dataclass(frozen=True)
class AudioListener:
    def natives(self) -> list[Native]:
        return [Native(81, "AudioListener", {})]


@dataclass(frozen=True)
class Light:
    """``range`` (metres) and ``angle`` (degrees) only matter to lights that are not directional."""

    kind: Literal["spot", "directional", "point"] = "directional"
    color: Color = Color(1, 0.96, 0.9)
    intensity: float = 1.0
    range: float = 10.0
    angle: float = 45.0
    shadows: bool = False

    def natives(self) -> list[Native]:
        kinds = {"spot": 0, "directional": 1, "point": 2}
        if self.kind not in kinds:
            raise ValueError(f"kind {self.kind!r} of a light; allowed are {', '.join(kinds)}")
        identity = {f"e{i}{j}": int(i == j) for i in range(4) for j in range(4)}
        fields = {
            "serializedVersion": 10,
            "m_Type": kinds[self.kind],
            "m_Shape": 0,
            "m_Color": self.color,
            "m_Intensity": self.intensity,
            "m_Range": self.range,
            "m_SpotAngle": self.angle,
            "m_InnerSpotAngle": 0.7 * self.angle,
            "m_CookieSize": 10,
            "m_Shadows": {
                "m_Type": 2 if self.shadows else 0,
                "m_Resolution": -1,
                "m_CustomResolution": -1,
                "m_Strength": 1,
                "m_Bias": 0.05,
                "m_NormalBias": 0.4,
                "m_NearPlane": 0.2,
                "m_CullingMatrixOverride": identity,
                "m_UseCullingMatrixOverride": 0,
            },
            "m_Cookie": None,
            "m_DrawHalo": 0,
            "m_Flare": None,
            "m_RenderMode": 0,
            "m_CullingMask": EVERYTHING,
            "m_RenderingLayerMask": 1,
            "m_Lightmapping": 4,
            "m_LightShadowCasterMode": 0,
            "m_AreaSize": Vector2(1, 1),
            "m_BounceIntensity": 1,
            "m_ColorTemperature": 6570,
            "m_UseColorTemperature": 0,
            "m_BoundingSphereOverride": Quaternion(0, 0, 0, 0),
            "m_UseBoundingSphereOverride": 0,
            "m_UseViewFrustumForShadowCasterCull": 1,
            "m_ShadowRadius": 0,
            "m_ShadowAngle": 0,
        }
        return [Native(108, "Light", fields)]


def _curve(value: float) -> dict[str, Any]:
    """An animation curve with one key: the same ``value`` at every distance."""
    key = {"serializedVersion": 3, "time": 0, "value": value, "inSlope": 0, "outSlope": 0,
           "tangentMode": 0, "weightedMode": 0, "inWeight": 0.33333334,
           "outWeight": 0.33333334}  # fmt: skip
    return {"serializedVersion": 2, "m_Curve": [key], "m_PreInfinity": 2, "m_PostInfinity": 2,
            "m_RotationOrder": 4}  # fmt: skip


@dataclass(frozen=True)
class AudioSource:
    """Silent until a script gives it a clip, unless ``clip`` names one."""

    clip: Asset | None = None
    volume: float = 1.0
    loop: bool = False
    play_on_awake: bool = False
    spatial: float = 1.0  # 0 in both ears alike, 1 from where the object is

    def natives(self) -> list[Native]:
        fields = {
            "serializedVersion": 4,
            "OutputAudioMixerGroup": None,
            "m_audioClip": self.clip,
            "m_PlayOnAwake": self.play_on_awake,
            "m_Volume": self.volume,
            "m_Pitch": 1,
            "Loop": self.loop,
            "Mute": 0,
            "Spatialize": 0,
            "SpatializePostEffects": 0,
            "Priority": 128,
            "DopplerLevel": 1,
            "MinDistance": 1,
            "MaxDistance": 100,
            "Pan2D": 0,
            "rolloffMode": 0,
            "BypassEffects": 0,
            "BypassListenerEffects": 0,
            "BypassReverbZones": 0,
            "rolloffCustomCurve": _curve(1),
            "panLevelCustomCurve": _curve(self.spatial),
            "spreadCustomCurve": _curve(0),
            "reverbZoneMixCustomCurve": _curve(1),
        }
        return [Native(82, "AudioSource", fields)]
