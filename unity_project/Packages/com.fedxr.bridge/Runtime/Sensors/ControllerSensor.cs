using UnityEngine;

namespace Fedxr
{
    /// <summary>One hand's controller. Channel <c>motion/controller</c>: pose in the room (m,
    /// right-handed), then trigger, squeeze, stick right, stick up, stick pressed, A or X, B or Y.
    /// </summary>
    /// <remarks>Stand-in: it hangs on the mouse's ray; F is the trigger, G the squeeze, I J K L push
    /// the stick, U presses it, N and M are the buttons.</remarks>
    [AddComponentMenu("fedxr/Controller Sensor")]
    public sealed class ControllerSensor : Sensor
    {
        const float Reach = 0.45f; // m before the camera

        [Tooltip("The left hand's instead of the right one's; give it another channel name.")]
        [SerializeField] bool left;

        [Tooltip("The tracking space: the XR origin's camera offset; empty: the world.")]
        [SerializeField] Transform origin;

        readonly float[] numbers = new float[14];
        XrController device;
        Camera view;

        /// <summary>72 samples a second.</summary>
        public ControllerSensor() : base("controller", 72, "queue 256")
        {
        }

        /// <inheritdoc/>
        public override string Layout => "motion/controller";

        /// <inheritdoc/>
        public override bool Sample(long captureUs, FrameBuilder frame)
        {
            if (!IsDue(captureUs))
                return false;
            if (device == null)
                device = new XrController(left);
            Vector3 place;
            Quaternion turn;
            if (device.Read(out place, out turn, numbers, 7))
                Tracking.ToWorld(origin, ref place, ref turn);
            else if (XrInput.HasHeadset)
                return false; // laid aside
            else
                StandIn(out place, out turn);
            Handedness.Write(place, turn, numbers, 0);
            return frame.Add(Channel, numbers, 0, numbers.Length, 1, captureUs);
        }

        void OnDisable()
        {
            if (device != null)
                device.Dispose();
            device = null;
        }

        void StandIn(out Vector3 place, out Quaternion turn)
        {
            if (!view)
                view = Views.Main(this);
            Ray ray = view.ScreenPointToRay(UserInput.MousePlace);
            place = ray.GetPoint(Reach);
            turn = Quaternion.LookRotation(ray.direction, Vector3.up);
            numbers[7] = Way(KeyCode.F);
            numbers[8] = Way(KeyCode.G);
            numbers[9] = Way(KeyCode.L) - Way(KeyCode.J);
            numbers[10] = Way(KeyCode.I) - Way(KeyCode.K);
            numbers[11] = Way(KeyCode.U);
            numbers[12] = Way(KeyCode.N);
            numbers[13] = Way(KeyCode.M);
        }

        static float Way(KeyCode key) => UserInput.Held(key) ? 1 : 0;
    }

    /// <summary>From the tracking space to the world.</summary>
    static class Tracking
    {
        internal static void ToWorld(Transform origin, ref Vector3 place, ref Quaternion turn)
        {
            if (!origin)
                return;
            place = origin.TransformPoint(place);
            turn = origin.rotation * turn;
        }
    }
}
