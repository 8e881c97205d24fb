"""The four documents that head every scene: occlusion, render, lightmap and navigation settings."""

from __future__ import annotations

from typing import Any

from unity_project.scenes.values import Asset, Color

BUILTIN = "0000000000000000e000000000000000"
BUILTIN_EXTRA = "0000000000000000f000000000000000"


def documents(
    ambient: Color, fog: Color | None, fog_density: float, skybox: bool
) -> list[tuple[int, int, str, dict[str, Any]]]:
    """(class, file ID, name, fields) of each. All light is real-time: nothing needs baking."""
    return [
        (29, 1, "OcclusionCullingSettings", _occlusion()),
        (104, 2, "RenderSettings", _render(ambient, fog, fog_density, skybox)),
        (157, 3, "LightmapSettings", _lightmap()),
        (196, 4, "NavMeshSettings", _navigation()),
    ]


def _occlusion() -> dict[str, Any]:
    return {
        "m_ObjectHideFlags": 0,
        "serializedVersion": 2,
        "m_OcclusionBakeSettings": {
            "smallestOccluder": 5,
            "smallestHole": 0.25,
            "backfaceThreshold": 100,
        },
        "m_SceneGUID": "00000000000000000000000000000000",
        "m_OcclusionCullingData": None,
    }


def _render(ambient: Color, fog: Color | None, fog_density: float, skybox: bool) -> dict[str, Any]:
    return {
        "m_ObjectHideFlags": 0,
        "serializedVersion": 10,
        "m_Fog": fog is not None,
        "m_FogColor": fog or Color(0.5, 0.5, 0.5),
        "m_FogMode": 3,
        "m_FogDensity": fog_density,
        "m_LinearFogStart": 0,
        "m_LinearFogEnd": 300,
        "m_AmbientSkyColor": ambient,
        "m_AmbientEquatorColor": ambient,
        "m_AmbientGroundColor": ambient,
        "m_AmbientIntensity": 1,
        "m_AmbientMode": 3,  # one flat colour
        "m_SubtractiveShadowColor": Color(0.42, 0.478, 0.627),
        "m_SkyboxMaterial": Asset("", 10304, 0, guid=BUILTIN_EXTRA) if skybox else None,
        "m_HaloStrength": 0.5,
        "m_FlareStrength": 1,
        "m_FlareFadeSpeed": 3,
        "m_HaloTexture": None,
        "m_SpotCookie": Asset("", 10001, 0, guid=BUILTIN),
        "m_DefaultReflectionMode": 0,
        "m_DefaultReflectionResolution": 128,
        "m_ReflectionBounces": 1,
        "m_ReflectionIntensity": 1,
        "m_CustomReflection": None,
        "m_Sun": None,
        "m_UseRadianceAmbientProbe": 0,
    }


def _lightmap() -> dict[str, Any]:
    return {
        "m_ObjectHideFlags": 0,
        "serializedVersion": 13,
        "m_BakeOnSceneLoad": 0,
        "m_GISettings": {
            "serializedVersion": 2,
            "m_BounceScale": 1,
            "m_IndirectOutputScale": 1,
            "m_AlbedoBoost": 1,
            "m_EnvironmentLightingMode": 0,
            "m_EnableBakedLightmaps": 0,
            "m_EnableRealtimeLightmaps": 0,
        },
        "m_LightingDataAsset": None,
        "m_LightingSettings": None,
    }


def _navigation() -> dict[str, Any]:
    return {
        "serializedVersion": 2,
        "m_ObjectHideFlags": 0,
        "m_BuildSettings": {
            "serializedVersion": 3,
            "agentTypeID": 0,
            "agentRadius": 0.5,
            "agentHeight": 2,
            "agentSlope": 45,
            "agentClimb": 0.4,
            "ledgeDropHeight": 0,
            "maxJumpAcrossDistance": 0,
            "minRegionArea": 2,
            "manualCellSize": 0,
            "cellSize": 0.16666667,
            "manualTileSize": 0,
            "tileSize": 256,
            "buildHeightMesh": 0,
            "maxJobWorkers": 0,
            "preserveTilesOutsideBounds": 0,
            "debug": {"m_Flags": 0},
        },
        "m_NavMeshData": None,
    }
