using System;
using System.Collections.Generic;

namespace UnityEngine.Stub
{
    /// <summary>Paints what a camera sees: the outline of each renderer's box in its colour, the far
    /// ones first. Enough for a picture that changes as the scene does; no light, no textures.</summary>
    public static class Painter
    {
        /// <summary>What the renderer is painted with: its property block's colour, else its material's.</summary>
        public static Color ColorOf(Renderer one)
        {
            var block = new MaterialPropertyBlock();
            one.GetPropertyBlock(block);
            return block.HasColor("_Color") ? block.GetColor("_Color") : one.sharedMaterial.color;
        }

        internal static void Paint(Camera camera, RenderTexture into)
        {
            Color32 back = camera.backgroundColor;
            for (int i = 0; i < into.Pixels.Length; i++)
                into.Pixels[i] = back;
            var seen = new List<Renderer>(Object.FindObjectsByType<Renderer>(FindObjectsSortMode.None));
            seen.RemoveAll(one => !one.enabled || !one.TryGetComponent(out MeshFilter _));
            Vector3 eye = camera.transform.position;
            seen.Sort((a, b) => Far(b, eye).CompareTo(Far(a, eye)));
            foreach (Renderer one in seen)
                Fill(into, Outline(camera, one, into), ColorOf(one));
        }

        static float Far(Renderer one, Vector3 eye) => (one.transform.position - eye).sqrMagnitude;

        /// <summary>The corners of its box in pixels; none where a part of it is behind the camera.</summary>
        static List<Vector2> Outline(Camera camera, Renderer one, Texture into)
        {
            var corners = new List<Vector2>();
            Vector3 half = Half(one.GetComponent<MeshFilter>().sharedMesh);
            for (int i = 0; i < 8; i++)
            {
                var signs = new Vector3((i & 1) * 2 - 1, (i & 2) - 1, (i & 4) / 2 - 1);
                Vector3 at = one.transform.TransformPoint(Vector3.Scale(half, signs));
                Vector3 part = camera.WorldToViewportPoint(at);
                if (part.z < camera.nearClipPlane)
                    return new List<Vector2>();
                corners.Add(new Vector2(part.x * into.width, part.y * into.height));
            }
            return corners;
        }

        /// <summary>Half the size of Unity's own meshes.</summary>
        static Vector3 Half(Mesh mesh)
        {
            switch (mesh == null ? "" : mesh.name)
            {
                case "Plane": return new Vector3(5, 0, 5);
                case "Quad": return new Vector3(0.5f, 0.5f, 0);
                case "Capsule":
                case "Cylinder": return new Vector3(0.5f, 1, 0.5f);
                default: return new Vector3(0.5f, 0.5f, 0.5f);
            }
        }

        /// <summary>Fill the convex hull of the corners: a pixel is inside when, of all edges between two
        /// corners that have every corner on one side, it lies on that side too.</summary>
        static void Fill(Texture into, List<Vector2> corners, Color32 color)
        {
            if (corners.Count == 0)
                return;
            List<Vector2> hull = Hull(corners);
            float low = float.PositiveInfinity, high = float.NegativeInfinity;
            foreach (Vector2 one in hull)
            {
                low = Math.Min(low, one.y);
                high = Math.Max(high, one.y);
            }
            for (int y = Math.Max(0, (int)low); y <= Math.Min(into.height - 1, (int)high); y++)
                FillRow(into, hull, y, color);
        }

        static void FillRow(Texture into, List<Vector2> hull, int y, Color32 color)
        {
            float middle = y + 0.5f, left = float.PositiveInfinity, right = float.NegativeInfinity;
            for (int i = 0; i < hull.Count; i++)
            {
                Vector2 a = hull[i], b = hull[(i + 1) % hull.Count];
                if (a.y > middle == b.y > middle)
                    continue;
                float x = a.x + (middle - a.y) / (b.y - a.y) * (b.x - a.x);
                left = Math.Min(left, x);
                right = Math.Max(right, x);
            }
            for (int x = Math.Max(0, (int)(left + 0.5f)); x < Math.Min(into.width, right - 0.5f); x++)
                into.Pixels[y * into.width + x] = color;
        }

        /// <summary>Gift wrapping: from the leftmost corner, always on to the one with none to its right.</summary>
        static List<Vector2> Hull(List<Vector2> corners)
        {
            var hull = new List<Vector2>();
            int first = 0;
            for (int i = 1; i < corners.Count; i++)
                if (corners[i].x < corners[first].x)
                    first = i;
            int at = first;
            do
            {
                hull.Add(corners[at]);
                int next = (at + 1) % corners.Count;
                for (int i = 0; i < corners.Count; i++)
                    if (Turn(corners[at], corners[next], corners[i]) < 0)
                        next = i;
                at = next;
            }
            while (at != first && hull.Count <= corners.Count);
            return hull;
        }

        static float Turn(Vector2 a, Vector2 b, Vector2 c) =>
            (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
    }
}
