using System;
using System.Collections.Generic;
using UnityEngine;
using Object = UnityEngine.Object;

namespace Fedxr.Player
{
    /// <summary>Unity's own components as they stand in a scene file.</summary>
    static class Natives
    {
        static readonly Dictionary<int, Type> types = new Dictionary<int, Type>
        {
            { 20, typeof(Camera) }, { 23, typeof(MeshRenderer) }, { 33, typeof(MeshFilter) }, { 65, typeof(BoxCollider) },
            { 81, typeof(AudioListener) }, { 82, typeof(AudioSource) }, { 102, typeof(TextMesh) }, { 108, typeof(Light) },
        };

        internal static Type TypeOf(Document one)
        {
            if (!types.TryGetValue(one.Class, out Type found))
                throw new FormatException($"{one.Type} (class {one.Class}) is not known to this player");
            return found;
        }

        internal static T Read<T>(Node node) => (T)Values.Read(node, typeof(T), null);

        /// <summary>The scene's render settings.</summary>
        internal static void Fill(Node fields)
        {
            RenderSettings.ambientLight = Read<Color>(fields["m_AmbientSkyColor"]);
            RenderSettings.fog = fields["m_Fog"].Bool;
            RenderSettings.fogColor = Read<Color>(fields["m_FogColor"]);
            RenderSettings.fogDensity = fields["m_FogDensity"].Float;
        }

        internal static void Fill(Component part, Node fields, Func<Node, Object> find)
        {
            if (part is Behaviour && fields["m_Enabled"] != null)
                ((Behaviour)part).enabled = fields["m_Enabled"].Bool;
            if (part is Camera)
                Fill((Camera)part, fields);
            else if (part is Light)
                Fill((Light)part, fields);
            else if (part is TextMesh)
                Fill((TextMesh)part, fields, find);
            else if (part is AudioSource)
                Fill((AudioSource)part, fields);
            else if (part is BoxCollider)
                Fill((BoxCollider)part, fields);
            else if (part is MeshFilter)
                ((MeshFilter)part).sharedMesh = (Mesh)find(fields["m_Mesh"]);
            else if (part is MeshRenderer)
                Fill((MeshRenderer)part, fields, find);
        }

        static void Fill(Camera camera, Node fields)
        {
            camera.clearFlags = (CameraClearFlags)fields["m_ClearFlags"].Long;
            camera.backgroundColor = Read<Color>(fields["m_BackGroundColor"]);
            camera.nearClipPlane = fields["near clip plane"].Float;
            camera.farClipPlane = fields["far clip plane"].Float;
            camera.fieldOfView = fields["field of view"].Float;
        }

        static void Fill(Light light, Node fields)
        {
            light.type = (LightType)fields["m_Type"].Long;
            light.color = Read<Color>(fields["m_Color"]);
            light.intensity = fields["m_Intensity"].Float;
            light.range = fields["m_Range"].Float;
        }

        static void Fill(TextMesh text, Node fields, Func<Node, Object> find)
        {
            text.text = fields["m_Text"].Text;
            text.characterSize = fields["m_CharacterSize"].Float;
            text.fontSize = (int)fields["m_FontSize"].Long;
            text.anchor = (TextAnchor)fields["m_Anchor"].Long;
            text.alignment = (TextAlignment)fields["m_Alignment"].Long;
            text.font = (Font)find(fields["m_Font"]);
            uint rgba = (uint)fields["m_Color"]["rgba"].Long; // red in the lowest byte
            text.color = new Color32((byte)rgba, (byte)(rgba >> 8), (byte)(rgba >> 16), (byte)(rgba >> 24));
        }

        static void Fill(AudioSource source, Node fields)
        {
            source.playOnAwake = fields["m_PlayOnAwake"].Bool;
            source.loop = fields["Loop"].Bool;
            source.volume = fields["m_Volume"].Float;
            source.pitch = fields["m_Pitch"].Float;
        }

        static void Fill(BoxCollider box, Node fields)
        {
            box.enabled = fields["m_Enabled"].Bool;
            box.isTrigger = fields["m_IsTrigger"].Bool;
            box.size = Read<Vector3>(fields["m_Size"]);
            box.center = Read<Vector3>(fields["m_Center"]);
        }

        static void Fill(MeshRenderer renderer, Node fields, Func<Node, Object> find)
        {
            renderer.enabled = fields["m_Enabled"].Bool;
            foreach (Node one in fields["m_Materials"].Items)
                renderer.sharedMaterial = (Material)find(one) ?? renderer.sharedMaterial;
        }
    }
}
