using UnityEngine;

namespace Fedxr
{
    /// <summary>The room as a cloud of points. Channel <c>spatial/points</c>: metres, in the room,
    /// right-handed. No encoder reads it yet: the server says so, and the scene goes on.</summary>
    /// <remarks>The device is AR Foundation's mesh of the room: vertices by chance. Stand-in: rays from
    /// the head in all directions against the scene's colliders.</remarks>
    [AddComponentMenu("fedxr/Points Sensor")]
    public sealed class PointsSensor : Sensor
    {
        [Tooltip("Where the stand-in looks from; empty: the main camera.")]
        [SerializeField] Transform head;

        [Tooltip("Points in a cloud at most.")]
        [Range(16, 4096)]
        [SerializeField] int most = 256;

        [Tooltip("Metres up to which the stand-in sees.")]
        [Min(0.1f)]
        [SerializeField] float farthest = 10;

        readonly Noise noise = new Noise(0);
        readonly ArMeshes device = new ArMeshes();
        float[] points;

        /// <summary>One cloud a second, and only the newest waits.</summary>
        public PointsSensor() : base("points", 1, "latest")
        {
        }

        /// <inheritdoc/>
        public override string Layout => "spatial/points";

        /// <inheritdoc/>
        public override bool Sample(long captureUs, FrameBuilder frame)
        {
            if (!IsDue(captureUs))
                return false;
            if (points == null)
                points = new float[3 * most];
            int n = device.Read(noise, points, most);
            if (n == 0 && !XrInput.HasHeadset)
                n = Look();
            return n > 0 && frame.AddPoints(Channel, points, n, captureUs);
        }

        int Look()
        {
            if (!head)
                head = Views.Main(this).transform;
            int n = 0;
            for (int i = 0; i < most; i++)
            {
                var way = new Vector3((float)noise.Normal(), (float)noise.Normal(), (float)noise.Normal());
                RaycastHit hit;
                if (Physics.Raycast(head.position, way, out hit, farthest))
                    Write(hit.point, points, n++);
            }
            return n;
        }

        /// <summary>Write <paramref name="place"/> of Unity's world as point <paramref name="n"/>.</summary>
        internal static void Write(Vector3 place, float[] points, int n)
        {
            Vector3 converted = Handedness.Convert(place);
            points[3 * n] = converted.x;
            points[3 * n + 1] = converted.y;
            points[3 * n + 2] = converted.z;
        }
    }
}
