using System;
using System.Collections.Generic;

namespace UnityEngine.Stub
{
    /// <summary>Paints what a camera sees: the outline of each renderer in its colour, the far
    /// ones first. Enough for a picture that changes as the scene does; no light, no textures.</summary>
    static class Painter
    {
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
                Fill(into, Outline(camera, one, into), one.sharedMaterial.color);
        }

        static float Far(Renderer one, Vector3 eye) => (one.transform.position - eye).sqrMagnitude;

        /// <summary>Points around it in pixels; none where a part of it is behind the camera.</summary>
        static List<Vector2> Outline(Camera camera, Renderer one, Texture into)
        {
            var seen = new List<Vector2>();
            Mesh mesh = one.GetComponent<MeshFilter>().sharedMesh;
            foreach (Vector3 point in mesh == null ? new Vector3[0] : Points(mesh))
            {
                Vector3 part = camera.WorldToViewportPoint(one.transform.TransformPoint(point));
                if (part.z < camera.nearClipPlane)
                    return new List<Vector2>();
                seen.Add(new Vector2(part.x * into.width, part.y * into.height));
            }
            return seen;
        }

        /// <summary>Points whose hull is the mesh's, or is at least that of what it looks like.</summary>
        static Vector3[] Points(Mesh mesh) =>
            shapes.TryGetValue(mesh.name, out Vector3[] points) ? points : mesh.vertices;

        static readonly Dictionary<string, Vector3[]> shapes = new Dictionary<string, Vector3[]>
        {
            { "Cube", Rings(new[] { -0.5f, 0.5f }, new[] { Corner, Corner }, 4) },
            { "Quad", new[] { At(-1, -1), At(-1, 1), At(1, -1), At(1, 1) } },
            { "Plane", Rings(new[] { 0f }, new[] { 10 * Corner }, 4) },
            { "Cylinder", Rings(new[] { -1f, 1f }, new[] { 0.5f, 0.5f }, 16) },
            { "Sphere", Rings(new[] { -0.5f, -0.35f, 0, 0.35f, 0.5f }, new[] { 0, 0.357f, 0.5f, 0.357f, 0 }, 16) },
            { "Capsule", Rings(new[] { -1f, -0.85f, -0.5f, 0.5f, 0.85f, 1f },
                new[] { 0, 0.357f, 0.5f, 0.5f, 0.357f, 0 }, 16) },
        };

        /// <summary>From the middle of a square of side 1 to its corner.</summary>
        const float Corner = 0.70710678f;

        static Vector3 At(int x, int y) => new Vector3(x / 2f, y / 2f, 0);

        /// <summary>Rings of <paramref name="n"/> points about the y axis: heights and radii.</summary>
        static Vector3[] Rings(float[] heights, float[] radii, int n)
        {
            var points = new Vector3[heights.Length * n];
            for (int i = 0; i < points.Length; i++)
            {
                float angle = 2 * Mathf.PI * (i % n + 0.5f) / n, radius = radii[i / n];
                points[i] = new Vector3(radius * Mathf.Cos(angle), heights[i / n], radius * Mathf.Sin(angle));
            }
            return points;
        }

        /// <summary>Fill the convex hull of the corners, row by row from its left to its right edge.</summary>
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
