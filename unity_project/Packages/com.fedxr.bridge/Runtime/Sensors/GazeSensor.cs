using UnityEngine;

namespace Fedxr
{
    /// <summary>Where the eyes look. Channel <c>gaze/point2</c> (x right, y up, 0 to 1 inside the
    /// camera's view) or <c>gaze/ray</c> (origin and direction in the room, right-handed).</summary>
    /// <remarks>The device is OpenXR's eye gaze. Stand-in: the mouse; and while it rests, what the
    /// scene gives to <see cref="Rest"/>, or else the eyes of the scene's
    /// <see cref="SimulatedPerson"/>, if its scenario has them.</remarks>
    [AddComponentMenu("fedxr/Gaze Sensor")]
    public sealed class GazeSensor : Sensor
    {
        const double MouseSeconds = 5; // for which the mouse is the gaze after it has moved
        const float Far = 10; // m along the ray, where a point of the view is taken

        [Tooltip("The camera that the user looks through; empty: the main camera.")]
        [SerializeField] Camera view;

        [Tooltip("The camera in whose picture the point is, where a camera sensor sends one; empty: the view.")]
        [SerializeField] Camera picture;

        [Tooltip("The tracking space: the XR origin's camera offset; empty: the world.")]
        [SerializeField] Transform origin;

        [Tooltip("Send gaze/ray instead of gaze/point2.")]
        [SerializeField] bool asRay;

        readonly float[] point = new float[2], ray = new float[6];
        ScanSignal eyes;
        SimulatedPerson person;
        Vector3 mouse;
        double mouseMoved = double.NegativeInfinity;
        bool begun;

        /// <summary>60 samples a second.</summary>
        public GazeSensor() : base("gaze", 60)
        {
        }

        /// <inheritdoc/>
        public override string Layout => asRay ? "gaze/ray" : "gaze/point2";

        /// <summary>What the simulated user looks at while the mouse rests; null: nothing special.</summary>
        public Transform Rest { get; set; }

        /// <summary>The newest gaze, in the world.</summary>
        public Ray Ray { get; private set; }

        /// <inheritdoc/>
        public override bool Sample(long captureUs, FrameBuilder frame)
        {
            if (!IsDue(captureUs))
                return false;
            if (!begun)
                Begin();
            if (!Look(captureUs))
                return false;
            if (!asRay)
                return frame.Add(Channel, point, 0, point.Length, 1, captureUs);
            Write(Handedness.Convert(Ray.origin), 0);
            Write(Handedness.Convert(Ray.direction), 3);
            return frame.Add(Channel, ray, 0, ray.Length, 1, captureUs);
        }

        void Begin()
        {
            begun = true;
            mouse = UserInput.MousePlace;
            if (!view)
                view = Views.Main(this);
            person = GetComponentInParent<SimulatedPerson>();
            if (person && person.Scenario.Person != null && person.Scenario.Person.Has("gaze"))
                eyes = new ScanSignal(person.Scenario.Simulated("gaze"), person, person.NoiseOf("gaze"));
        }

        /// <summary>Fill point and ray; false where nobody looks.</summary>
        bool Look(long captureUs)
        {
            Vector3 place;
            Quaternion turn;
            if (XrInput.Gaze(out place, out turn))
            {
                Tracking.ToWorld(origin, ref place, ref turn);
                Ray = new Ray(place, turn * Vector3.forward);
                See(picture ? picture : view);
                return true;
            }
            if (XrInput.HasHeadset)
                return false; // blinking, or the eyes are not tracked
            if (mouse != UserInput.MousePlace)
                mouseMoved = Time.timeAsDouble;
            mouse = UserInput.MousePlace;
            bool moved = Time.timeAsDouble - mouseMoved < MouseSeconds;
            if (Rest && !moved)
                Ray = new Ray(view.transform.position, Rest.position - view.transform.position);
            else if (eyes == null || moved)
                Ray = view.ScreenPointToRay(mouse);
            else
                Ray = Simulated(captureUs);
            See(picture ? picture : view);
            return true;
        }

        Ray Simulated(long captureUs)
        {
            eyes.Next(captureUs / 1e6, point, 0);
            return view.ViewportPointToRay(new Vector3(point[0], point[1], 0));
        }

        /// <summary>Where the gaze is in what a camera sees.</summary>
        void See(Camera by)
        {
            Vector3 seen = by.WorldToViewportPoint(Ray.GetPoint(Far));
            point[0] = seen.x;
            point[1] = seen.y;
        }

        void Write(Vector3 v, int at)
        {
            ray[at] = v.x;
            ray[at + 1] = v.y;
            ray[at + 2] = v.z;
        }
    }
}
