using UnityEngine;

namespace Fedxr
{
    /// <summary>
    /// Walks the simulated user round the room while its state <c>doing</c> is walking; turning and
    /// the rest is done by its head (see LaptopHead). Nobody is moved who wears a headset.
    /// </summary>
    public sealed class Walker : MonoBehaviour
    {
        const int Walking = 1; // class of the task

        [SerializeField] SimulatedPerson person;
        [SerializeField] TrackedRig rig;
        [SerializeField] Transform head;

        [Tooltip("The places of a round walk, in order.")]
        [SerializeField] Transform[] way;

        [Tooltip("Metres a second.")]
        [SerializeField] float speed = 1.2f;

        [Tooltip("Degrees a second.")]
        [SerializeField] float turning = 90f;

        int next;

        void Update()
        {
            if (rig.HasHeadset || person.StateOf("doing") != Walking)
                return;
            Vector3 step = Flat(way[next].position - head.position);
            if (step.magnitude < 0.3f)
                next = (next + 1) % way.Length;
            // one walks where one looks: the rig turns until the head is on the way
            Vector3 ahead = Flat(head.forward);
            float side = Vector3.Dot(Vector3.Cross(ahead, step), Vector3.up) < 0f ? -1f : 1f;
            float turn = Mathf.Min(Vector3.Angle(ahead, step), turning * Time.deltaTime);
            rig.transform.Rotate(0f, side * turn, 0f);
            rig.transform.position += step.normalized
                * Mathf.Min(speed * Time.deltaTime, step.magnitude);
        }

        static Vector3 Flat(Vector3 v)
        {
            return new Vector3(v.x, 0f, v.z);
        }
    }
}
