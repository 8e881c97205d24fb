using System;
using System.Collections.Generic;

namespace UnityEngine
{
    public abstract class Collider : Component
    {
        public bool enabled { get; set; } = true;
        public bool isTrigger { get; set; }

        /// <summary>How far along the ray it is hit first, or infinity.</summary>
        internal abstract float Hit(Ray ray);
    }

    public sealed class BoxCollider : Collider
    {
        public Vector3 center { get; set; }
        public Vector3 size { get; set; } = Vector3.one;

        /// <summary>By slabs, in the box's own space, where the ray keeps its parameter.</summary>
        internal override float Hit(Ray ray)
        {
            Vector3 from = transform.InverseTransformPoint(ray.origin) - center;
            Vector3 way = transform.InverseTransformPoint(ray.origin + ray.direction) - center - from;
            float near = 0, far = float.PositiveInfinity;
            bool hit = Slab(from.x, way.x, size.x / 2, ref near, ref far)
                && Slab(from.y, way.y, size.y / 2, ref near, ref far)
                && Slab(from.z, way.z, size.z / 2, ref near, ref far);
            return hit && near > 0 ? near : float.PositiveInfinity;
        }

        static bool Slab(float from, float way, float half, ref float near, ref float far)
        {
            if (Math.Abs(way) < 1e-9f)
                return Math.Abs(from) <= half;
            float one = (-half - from) / way, two = (half - from) / way;
            near = Math.Max(near, Math.Min(one, two));
            far = Math.Min(far, Math.Max(one, two));
            return near <= far;
        }
    }

    public struct RaycastHit
    {
        public Collider collider { get; internal set; }
        public float distance { get; internal set; }
        public Vector3 point { get; internal set; }
        public Transform transform => collider.transform;
    }

    public static class Physics
    {
        static Collider[] colliders = new Collider[0];
        static int looked = -1;

        /// <summary>The nearest collider along the ray. A ray that starts inside one does not hit it.
        /// Which ones there are is looked up once in a frame.</summary>
        public static bool Raycast(Ray ray, out RaycastHit hitInfo, float maxDistance = float.PositiveInfinity)
        {
            hitInfo = default(RaycastHit);
            float nearest = float.PositiveInfinity;
            if (looked != Time.frameCount)
                colliders = Object.FindObjectsByType<Collider>(FindObjectsSortMode.None);
            looked = Time.frameCount;
            foreach (Collider one in colliders)
            {
                float distance = one != null && one.enabled ? one.Hit(ray) : float.PositiveInfinity;
                if (distance > maxDistance || distance >= nearest)
                    continue;
                nearest = distance;
                hitInfo = new RaycastHit { collider = one, distance = distance, point = ray.GetPoint(distance) };
            }
            return nearest < float.PositiveInfinity;
        }

        public static bool Raycast(Vector3 origin, Vector3 direction, out RaycastHit hitInfo,
            float maxDistance = float.PositiveInfinity) =>
            Raycast(new Ray(origin, direction), out hitInfo, maxDistance);
    }
}
