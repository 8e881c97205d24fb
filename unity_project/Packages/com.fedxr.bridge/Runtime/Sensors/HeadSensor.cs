using UnityEngine;

namespace Fedxr
{
    /// <summary>Where the head is and how it is turned. Channel <c>motion/head</c>: position (m) and
    /// orientation in the room, right-handed. On a laptop <see cref="LaptopHead"/> moves it.</summary>
    [AddComponentMenu("fedxr/Head Sensor")]
    public sealed class HeadSensor : Sensor
    {
        [Tooltip("What moves with the head; empty: the main camera.")]
        [SerializeField] Transform head;

        readonly float[] pose = new float[7];

        /// <summary>72 samples a second.</summary>
        public HeadSensor() : base("head", 72, "queue 256")
        {
        }

        /// <inheritdoc/>
        public override string Layout => "motion/head";

        /// <inheritdoc/>
        public override bool Sample(long captureUs, FrameBuilder frame)
        {
            if (!IsDue(captureUs))
                return false;
            if (!head)
                head = Views.Main(this).transform;
            Handedness.Write(head.position, head.rotation, pose, 0);
            return frame.Add(Channel, pose, 0, pose.Length, 1, captureUs);
        }
    }
}
