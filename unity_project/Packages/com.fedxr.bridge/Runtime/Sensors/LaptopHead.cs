using UnityEngine;

namespace Fedxr
{
    /// <summary>Moves the camera where no headset does: W, A, S, D walk, the right mouse button looks
    /// around. While the simulated person lives, it also moves as that person's head. Put it on the
    /// camera.</summary>
    [AddComponentMenu("fedxr/Laptop Head")]
    public sealed class LaptopHead : MonoBehaviour
    {
        const float Steepest = 85; // degrees

        [Tooltip("Metres a second.")]
        [Min(0)]
        [SerializeField] float speed = 1.4f;

        [Tooltip("Degrees per pixel of the mouse.")]
        [Min(0)]
        [SerializeField] float turnPerPixel = 0.15f;

        [Tooltip("Whose head it is while nobody touches the keyboard; empty: none.")]
        [SerializeField] SimulatedPerson person;

        readonly float[] sway = new float[4];
        Vector3 place;
        float yaw, pitch;
        HeadSignal signal;

        void Start()
        {
            place = transform.localPosition;
            Vector3 ahead = transform.localRotation * Vector3.forward;
            yaw = Mathf.Atan2(ahead.x, ahead.z) * Mathf.Rad2Deg;
            pitch = -Mathf.Asin(Mathf.Clamp(ahead.y, -1, 1)) * Mathf.Rad2Deg;
            if (person && person.Scenario.Person != null && person.Scenario.Person.Has("movement"))
                signal = new HeadSignal(person.Scenario.Simulated("movement"), person,
                    person.NoiseOf("head"), 60);
            if (XrInput.HasHeadset)
                enabled = false;
        }

        void Update()
        {
            if (UserInput.RightHeld)
            {
                yaw += turnPerPixel * UserInput.MouseMoved.x;
                pitch = Mathf.Clamp(pitch - turnPerPixel * UserInput.MouseMoved.y, -Steepest, Steepest);
            }
            float right = Way(KeyCode.D) - Way(KeyCode.A), ahead = Way(KeyCode.W) - Way(KeyCode.S);
            Quaternion heading = Quaternion.Euler(0, yaw, 0);
            place += speed * Time.deltaTime * (heading * new Vector3(right, 0, ahead));
            if (signal != null && person.Lives)
                signal.Next(Time.timeAsDouble, sway, 0);
            transform.localPosition = place + heading * new Vector3(sway[0], sway[1], 0);
            transform.localRotation = Quaternion.Euler(
                pitch - sway[2] * Mathf.Rad2Deg, yaw - sway[3] * Mathf.Rad2Deg, 0);
        }

        static float Way(KeyCode key) => UserInput.Held(key) ? 1 : 0;
    }
}
