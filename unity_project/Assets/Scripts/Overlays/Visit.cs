using UnityEngine;

namespace Fedxr
{
    /// <summary>
    /// Moves the simulated user through the hall: it turns to the thing that it looks at (state
    /// <c>target</c>) and lays the probe on a machine in the state <c>warning</c>. Nobody is moved
    /// who wears a headset.
    /// </summary>
    public sealed class Visit : MonoBehaviour
    {
        [SerializeField] SimulatedPerson person;
        [SerializeField] TrackedRig rig;
        [SerializeField] Probe probe;

        [Tooltip("The things in the order of the task's classes.")]
        [SerializeField] Thing[] things;

        [Tooltip("Degrees a second.")]
        [SerializeField] float turning = 90f;

        void Update()
        {
            probe.LayOn(person.StateOf("warning"));
            if (rig.HasHeadset)
                return;
            Vector3 way = things[person.StateOf("target")].transform.position - rig.transform.position;
            way.y = 0f;
            rig.transform.rotation = Quaternion.RotateTowards(
                rig.transform.rotation, Quaternion.LookRotation(way, Vector3.up), turning * Time.deltaTime);
        }
    }
}
