using System;
using UnityEngine;

namespace Fedxr
{
    /// <summary>One tracked hand. Channel <c>hands/webxr25</c> (what the shipped checkpoint reads) or
    /// <c>hands/openxr26</c>, which has the palm besides: each joint's position (m) and orientation in the room,
    /// right-handed.</summary>
    /// <remarks>The device is the XR Hands package. Stand-in, where the scenario has a model of the
    /// hand: it hangs on the mouse's ray, Z X C V B bend the thumb to the little finger, and it
    /// makes the gestures of the <see cref="SimulatedPerson"/>'s <c>intent</c>.</remarks>
    [AddComponentMenu("fedxr/Hand Sensor")]
    public sealed class HandSensor : Sensor
    {
        const float Reach = 0.45f; // m before the camera
        const double BendPerKey = 0.9; // rad per joint
        static readonly KeyCode[] Keys = { KeyCode.Z, KeyCode.X, KeyCode.C, KeyCode.V, KeyCode.B };

        [Tooltip("The left hand's instead of the right one's; give it another channel name.")]
        [SerializeField] bool left;

        [Tooltip("Send hands/openxr26 instead of hands/webxr25.")]
        [SerializeField] bool withPalm;

        [Tooltip("The tracking space: the XR origin's camera offset; empty: the world.")]
        [SerializeField] Transform origin;

        readonly float[] joints = new float[HandModel.Numbers];
        readonly XrHandTracking device = new XrHandTracking();
        HandSignal standIn;
        Camera view;
        bool begun;

        /// <summary>30 samples a second.</summary>
        public HandSensor() : base("hand", 30)
        {
        }

        /// <inheritdoc/>
        public override string Layout => withPalm ? "hands/openxr26" : "hands/webxr25";

        /// <summary>Whether <see cref="Joint"/> says something.</summary>
        public bool IsTracked { get; private set; }

        /// <summary>Where a joint was at the newest sample, in the scene's world: palm, wrist, then from
        /// the thumb's base to the little finger's tip, 0 to 25.</summary>
        public Vector3 Joint(int joint) => Handedness.Convert(
            new Vector3(joints[7 * joint], joints[7 * joint + 1], joints[7 * joint + 2]));

        /// <inheritdoc/>
        public override bool Sample(long captureUs, FrameBuilder frame)
        {
            if (!IsDue(captureUs))
                return false;
            if (!begun)
                Begin();
            IsTracked = device.Read(left, origin, joints) || !XrInput.HasHeadset && StandIn(captureUs);
            if (!IsTracked)
                return false;
            int skipped = withPalm ? 0 : 7;
            return frame.Add(Channel, joints, skipped, joints.Length - skipped, 1, captureUs);
        }

        void Begin()
        {
            begun = true;
            var person = GetComponentInParent<SimulatedPerson>();
            if (person && person.Scenario.Person != null && person.Scenario.Person.Has("hand"))
                standIn = new HandSignal(person.Scenario.Simulated("hand"), person, person.NoiseOf(ChannelName));
        }

        bool StandIn(long captureUs)
        {
            if (standIn == null)
                return false;
            if (!view)
                view = Views.Main(this);
            Ray ray = view.ScreenPointToRay(UserInput.MousePlace);
            standIn.Place = Handedness.Convert(ray.GetPoint(Reach));
            standIn.Turn = Handedness.Convert(Quaternion.LookRotation(ray.direction, Vector3.up));
            for (int f = 0; f < Keys.Length; f++)
                standIn.Bend[f] = UserInput.Held(Keys[f]) ? BendPerKey : 0;
            standIn.Next(captureUs / 1e6, joints, 0);
            return true;
        }
    }
}
