using System;

namespace UnityEngine
{
    /// <summary>A rotation. Seen along the axis, a positive angle turns clockwise: the
    /// left-handed rule (a quarter turn about up takes forward to right).</summary>
    [Serializable]
    public struct Quaternion
    {
        public float x, y, z, w;

        public Quaternion(float x, float y, float z, float w)
        {
            this.x = x;
            this.y = y;
            this.z = z;
            this.w = w;
        }

        public static Quaternion identity => new Quaternion(0, 0, 0, 1);

        public Quaternion normalized
        {
            get
            {
                float length = (float)Math.Sqrt(Dot(this, this));
                return length < 1e-6f ? identity : new Quaternion(x / length, y / length, z / length, w / length);
            }
        }

        /// <summary>Degrees about z, then x, then y, in the world's axes.</summary>
        public Vector3 eulerAngles
        {
            get
            {
                Vector3 forward = this * Vector3.forward, right = this * Vector3.right, up = this * Vector3.up;
                float pitch = Mathf.Asin(Mathf.Clamp(-forward.y, -1, 1));
                bool pole = Math.Abs(forward.y) > 0.99999f;
                float yaw = pole ? Mathf.Atan2(-right.z, right.x) : Mathf.Atan2(forward.x, forward.z);
                float roll = pole ? 0 : Mathf.Atan2(right.y, up.y);
                return new Vector3(Turn(pitch), Turn(yaw), Turn(roll));
            }
        }

        static float Turn(float radians) => Mathf.Repeat(radians * Mathf.Rad2Deg, 360);

        public static Quaternion Euler(float x, float y, float z) =>
            AngleAxis(y, Vector3.up) * AngleAxis(x, Vector3.right) * AngleAxis(z, Vector3.forward);

        public static Quaternion Euler(Vector3 euler) => Euler(euler.x, euler.y, euler.z);

        /// <param name="angle">Degrees.</param>
        public static Quaternion AngleAxis(float angle, Vector3 axis)
        {
            Vector3 n = axis.normalized;
            float half = angle * Mathf.Deg2Rad / 2, s = Mathf.Sin(half);
            return n.sqrMagnitude == 0 ? identity : new Quaternion(n.x * s, n.y * s, n.z * s, Mathf.Cos(half));
        }

        public static Quaternion LookRotation(Vector3 forward) => LookRotation(forward, Vector3.up);

        public static Quaternion LookRotation(Vector3 forward, Vector3 upwards)
        {
            Vector3 f = forward.normalized;
            if (f.sqrMagnitude == 0)
                return identity;
            Vector3 r = Vector3.Cross(upwards, f).normalized;
            if (r.sqrMagnitude == 0)
                return FromToRotation(Vector3.forward, f);
            return FromAxes(r, Vector3.Cross(f, r), f);
        }

        public static Quaternion FromToRotation(Vector3 fromDirection, Vector3 toDirection)
        {
            Vector3 from = fromDirection.normalized, to = toDirection.normalized;
            Vector3 axis = Vector3.Cross(from, to);
            if (axis.sqrMagnitude < 1e-10f && Vector3.Dot(from, to) < 0)
                axis = Vector3.Cross(from, Math.Abs(from.x) < 0.9f ? Vector3.right : Vector3.up);
            return AngleAxis(Vector3.Angle(from, to), axis);
        }

        /// <summary>The rotation that takes right, up and forward to these (columns of its matrix).</summary>
        static Quaternion FromAxes(Vector3 r, Vector3 u, Vector3 f)
        {
            float trace = r.x + u.y + f.z;
            if (trace > 0)
                return new Quaternion(u.z - f.y, f.x - r.z, r.y - u.x, 1 + trace).normalized;
            if (r.x >= u.y && r.x >= f.z)
                return new Quaternion(1 + r.x - u.y - f.z, r.y + u.x, r.z + f.x, u.z - f.y).normalized;
            if (u.y >= f.z)
                return new Quaternion(r.y + u.x, 1 + u.y - r.x - f.z, u.z + f.y, f.x - r.z).normalized;
            return new Quaternion(f.x + r.z, u.z + f.y, 1 + f.z - r.x - u.y, r.y - u.x).normalized;
        }

        public static Quaternion Inverse(Quaternion q) => new Quaternion(-q.x, -q.y, -q.z, q.w);

        public static float Dot(Quaternion a, Quaternion b) => a.x * b.x + a.y * b.y + a.z * b.z + a.w * b.w;

        /// <summary>Degrees between two rotations, 0 to 180.</summary>
        public static float Angle(Quaternion a, Quaternion b) =>
            2 * Mathf.Acos(Mathf.Min(Math.Abs(Dot(a, b)), 1)) * Mathf.Rad2Deg;

        public static Quaternion Slerp(Quaternion a, Quaternion b, float t)
        {
            float dot = Dot(a, b), sign = dot < 0 ? -1 : 1, part = Mathf.Clamp01(t);
            float angle = Mathf.Acos(Mathf.Min(Math.Abs(dot), 1)), sine = Mathf.Sin(angle);
            float p = sine < 1e-4f ? 1 - part : Mathf.Sin((1 - part) * angle) / sine;
            float q = sign * (sine < 1e-4f ? part : Mathf.Sin(part * angle) / sine);
            return new Quaternion(a.x * p + b.x * q, a.y * p + b.y * q, a.z * p + b.z * q, a.w * p + b.w * q).normalized;
        }

        public static Quaternion RotateTowards(Quaternion from, Quaternion to, float maxDegreesDelta)
        {
            float angle = Angle(from, to);
            return angle == 0 ? to : Slerp(from, to, maxDegreesDelta / angle);
        }

        /// <summary>First b, then a.</summary>
        public static Quaternion operator *(Quaternion a, Quaternion b) => new Quaternion(
            a.w * b.x + a.x * b.w + a.y * b.z - a.z * b.y,
            a.w * b.y + a.y * b.w + a.z * b.x - a.x * b.z,
            a.w * b.z + a.z * b.w + a.x * b.y - a.y * b.x,
            a.w * b.w - a.x * b.x - a.y * b.y - a.z * b.z);

        public static Vector3 operator *(Quaternion rotation, Vector3 point)
        {
            var u = new Vector3(rotation.x, rotation.y, rotation.z);
            Vector3 t = Vector3.Cross(u, point) * 2;
            return point + t * rotation.w + Vector3.Cross(u, t);
        }

        public override string ToString() => Show.Numbers(x, y, z, w);
    }
}
