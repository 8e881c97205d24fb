using UnityEngine;

namespace Fedxr
{
    /// <summary>
    /// Moves the simulated user through the hall: it turns to the thing that it looks at (state
    /// <c>target</c>) and lays the probe on a machine in the state <c>warning</c>. Switch it off, with
    /// the simulated person, when somebody wears the headset.
    /// </summary>
    public sealed class Visit : MonoBehaviour
    {
        [SerializeField] SimulatedPerson person;
        [SerializeField] Probe probe;

        [Tooltip("The things in the order of the task's classes.")]
        [SerializeField] Thing[] things;

        [Tooltip("Degrees a second.")]
        [SerializeField] float turning = 90f;

        void Update()
        {
            probe.LayOn(person.StateOf("warning"));
            Vector3 way = things[person.StateOf("target")].transform.position - transform.position;
            way.y = 0f;
            transform.rotation = Quaternion.RotateTowards(
                transform.rotation, Quaternion.LookRotation(way, Vector3.up), turning * Time.deltaTime);
        }
    }
}
