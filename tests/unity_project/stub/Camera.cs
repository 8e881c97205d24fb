using System;
using System.Collections.Generic;

namespace UnityEngine
{
    public enum CameraClearFlags { Skybox = 1, SolidColor = 2, Depth = 3, Nothing = 4 }

    public static class Screen
    {
        public static int width => 1280;
        public static int height => 720;
    }

    public struct Ray
    {
        Vector3 along;

        public Ray(Vector3 origin, Vector3 direction)
        {
            this.origin = origin;
            along = direction.normalized;
        }

        public Vector3 origin { get; set; }

        public Vector3 direction
        {
            get => along;
            set => along = value.normalized;
        }

        public Vector3 GetPoint(float distance) => origin + direction * distance;
    }

    /// <summary>A pinhole that looks along its forward axis. What it sees is painted by
    /// <see cref="Stub.Painter"/>: flat faces of what has a renderer, nearest on top.</summary>
    public sealed class Camera : Behaviour
    {
        /// <summary>Degrees from bottom to top.</summary>
        public float fieldOfView { get; set; } = 60;
        public float nearClipPlane { get; set; } = 0.3f;
        public float farClipPlane { get; set; } = 1000;
        public CameraClearFlags clearFlags { get; set; } = CameraClearFlags.Skybox;
        public Color backgroundColor { get; set; } = new Color(0.19f, 0.3f, 0.47f);
        public RenderTexture targetTexture { get; set; }
        public float depth { get; set; }
        public int pixelWidth => targetTexture == null ? Screen.width : targetTexture.width;
        public int pixelHeight => targetTexture == null ? Screen.height : targetTexture.height;
        public float aspect => (float)pixelWidth / pixelHeight;

        /// <summary>The first enabled camera that is tagged MainCamera, or null.</summary>
        public static Camera main
        {
            get
            {
                foreach (Camera one in FindObjectsByType<Camera>(FindObjectsSortMode.None))
                    if (one.enabled && one.CompareTag("MainCamera"))
                        return one;
                return null;
            }
        }

        bool CompareTag(string tag) => gameObject.CompareTag(tag);

        /// <summary>x and y 0 to 1 from the lower left, z metres along the optical axis.</summary>
        public Vector3 WorldToViewportPoint(Vector3 position)
        {
            Vector3 seen = Quaternion.Inverse(transform.rotation) * (position - transform.position);
            float half = Mathf.Tan(fieldOfView * Mathf.Deg2Rad / 2) * seen.z;
            return new Vector3(0.5f + seen.x / (2 * half * aspect), 0.5f + seen.y / (2 * half), seen.z);
        }

        public Ray ViewportPointToRay(Vector3 pos)
        {
            float half = Mathf.Tan(fieldOfView * Mathf.Deg2Rad / 2);
            var local = new Vector3((2 * pos.x - 1) * half * aspect, (2 * pos.y - 1) * half, 1);
            Vector3 way = transform.rotation * local;
            return new Ray(transform.position + way * nearClipPlane, way);
        }

        public Ray ScreenPointToRay(Vector3 pos) =>
            ViewportPointToRay(new Vector3(pos.x / pixelWidth, pos.y / pixelHeight));

        /// <summary>Paint what it sees into its target texture.</summary>
        public void Render()
        {
            if (targetTexture != null)
                Stub.Painter.Paint(this, targetTexture);
        }

        internal static void RenderAll()
        {
            foreach (Camera one in FindObjectsByType<Camera>(FindObjectsSortMode.None))
                if (one.enabled)
                    one.Render();
        }
    }
}
