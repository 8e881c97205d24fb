using UnityEngine;

namespace Fedxr
{
    /// <summary>
    /// What the user looks at: the thing nearest to the gaze, or to the middle of the view while no
    /// gaze is known.
    /// </summary>
    public sealed class Attention : MonoBehaviour
    {
        [SerializeField] Transform head;
        [SerializeField] GazeSensor gaze;

        [Tooltip("How far beside the glance a thing may lie, in degrees.")]
        [SerializeField] float degrees = 25f;

        /// <summary>The thing that is looked at, or null.</summary>
        public Thing Thing
        {
            get { return Fedxr.Thing.LookedAt(Glance.origin, Glance.direction, degrees); }
        }

        /// <summary>The handwriting nearest to the glance, however far; null where there is none.</summary>
        public Thing Handwriting
        {
            get { return Fedxr.Thing.Read(Glance.origin, Glance.direction, 180f); }
        }

        Ray Glance
        {
            get
            {
                bool known = gaze.Ray.direction.sqrMagnitude > 0.5f;
                return known ? gaze.Ray : new Ray(head.position, head.forward);
            }
        }
    }
}
