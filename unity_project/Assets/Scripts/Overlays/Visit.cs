using UnityEngine;

namespace Fedxr
{
    /// <summary>
    /// Moves the simulated user through the hall: it looks at a thing (state <c>target</c>), turned so
    /// that the next one is in the picture too, and lays the probe on a machine in the state
    /// <c>warning</c>. Nobody is moved who wears a headset.
    /// </summary>
    public sealed class Visit : MonoBehaviour
    {
        [SerializeField] SimulatedPerson person;
        [SerializeField] TrackedRig rig;
        [SerializeField] Probe probe;
        [SerializeField] GazeSensor gaze;

        [Tooltip("The things in the order of the task's classes.")]
        [SerializeField] Thing[] things;

        [Tooltip("Degrees a second.")]
        [SerializeField] float turning = 90f;

        void Update()
        {
            probe.LayOn(person.StateOf("warning"));
            if (rig.HasHeadset)
                return;
            int target = person.StateOf("target"), beside = target + 1 < things.Length ? target + 1 : target - 1;
            Vector3 middle = 0.5f * (things[target].transform.position + things[beside].transform.position);
            gaze.Rest = things[target].transform;
            Vector3 way = middle - rig.transform.position;
            way.y = 0f;
            rig.transform.rotation = Quaternion.RotateTowards(
                rig.transform.rotation, Quaternion.LookRotation(way, Vector3.up), turning * Time.deltaTime);
        }
    }
}
