using UnityEngine;

namespace Fedxr
{
    /// <summary>
    /// Moves the simulated user through the room by its state <c>doing</c>: walking along the stones,
    /// turning on the spot, or staying. Switch it off, with the simulated person, when somebody wears
    /// the headset.
    /// </summary>
    public sealed class Walker : MonoBehaviour
    {
        const int Walking = 1, Turning = 2; // classes of the task

        [SerializeField] SimulatedPerson person;

        [Tooltip("The places of a round walk, in order.")]
        [SerializeField] Transform[] way;

        [Tooltip("Metres a second.")]
        [SerializeField] float speed = 0.9f;

        [Tooltip("Degrees a second.")]
        [SerializeField] float turning = 45f;

        int next;

        void Update()
        {
            int doing = person.StateOf("doing");
            if (doing == Turning)
                transform.Rotate(0f, turning * Time.deltaTime, 0f);
            else if (doing == Walking)
                Walk();
        }

        void Walk()
        {
            Vector3 step = way[next].position - transform.position;
            step.y = 0f;
            if (step.magnitude < 0.2f)
                next = (next + 1) % way.Length;
            transform.rotation = Quaternion.RotateTowards(
                transform.rotation, Quaternion.LookRotation(step, Vector3.up), 90f * Time.deltaTime);
            transform.position += step.normalized * Mathf.Min(speed * Time.deltaTime, step.magnitude);
        }
    }
}
