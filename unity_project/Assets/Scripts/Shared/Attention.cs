using UnityEngine;

namespace Fedxr
{
    /// <summary>What the user looks at: the thing nearest to the middle of the view.</summary>
    public sealed class Attention : MonoBehaviour
    {
        [SerializeField] Transform head;

        [Tooltip("How far beside the glance a thing may lie, in degrees.")]
        [SerializeField] float degrees = 25f;

        /// <summary>The thing that is looked at, or null.</summary>
        public Thing Thing
        {
            get { return Fedxr.Thing.LookedAt(head.position, head.forward, degrees); }
        }

        /// <summary>The handwriting nearest to the glance, however far; null where there is none.</summary>
        public Thing Handwriting
        {
            get { return Fedxr.Thing.Read(head.position, head.forward, 180f); }
        }
    }
}
