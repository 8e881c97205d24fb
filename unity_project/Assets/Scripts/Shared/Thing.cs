using System.Collections.Generic;
using UnityEngine;

namespace Fedxr
{
    /// <summary>Something in the world that one can look at, speak of, and hang a text on.</summary>
    [DisallowMultipleComponent]
    public sealed class Thing : MonoBehaviour
    {
        static readonly List<Thing> all = new List<Thing>();

        [Tooltip("What people call it.")]
        [SerializeField] string title = "";

        [Tooltip("What there is to tell about it.")]
        [SerializeField] string about = "";

        [Tooltip("Whether it bears handwriting, which the reading tasks are about.")]
        [SerializeField] bool handwriting;

        [SerializeField] Tag label;

        /// <summary>What people call it.</summary>
        public string Title
        {
            get { return title; }
        }

        /// <summary>What there is to tell about it.</summary>
        public string About
        {
            get { return about; }
        }

        /// <summary>Whether it bears handwriting.</summary>
        public bool Handwriting
        {
            get { return handwriting; }
        }

        /// <summary>Where a text about it belongs; null where it has none.</summary>
        public Tag Label
        {
            get { return label; }
        }

        /// <summary>
        /// The thing nearest to the middle of a glance from <paramref name="eye"/> along
        /// <paramref name="forward"/>, or null when there is none within
        /// <paramref name="degrees"/>.
        /// </summary>
        public static Thing LookedAt(Vector3 eye, Vector3 forward, float degrees)
        {
            return Nearest(eye, forward, degrees, thing => true);
        }

        /// <summary>The same among the things with handwriting.</summary>
        public static Thing Read(Vector3 eye, Vector3 forward, float degrees)
        {
            return Nearest(eye, forward, degrees, thing => thing.handwriting);
        }

        /// <summary>The thing nearest to <paramref name="place"/>, or null in an empty world.</summary>
        public static Thing InReach(Vector3 place)
        {
            Thing nearest = null;
            foreach (Thing thing in all)
            {
                if (nearest == null || Distance(thing, place) < Distance(nearest, place))
                    nearest = thing;
            }
            return nearest;
        }

        static float Distance(Thing thing, Vector3 place)
        {
            return (thing.transform.position - place).magnitude;
        }

        static Thing Nearest(
            Vector3 eye, Vector3 forward, float degrees, System.Predicate<Thing> wanted)
        {
            Thing best = null;
            foreach (Thing thing in all)
            {
                float angle = Vector3.Angle(forward, thing.transform.position - eye);
                if (angle <= degrees && wanted(thing))
                {
                    best = thing;
                    degrees = angle;
                }
            }
            return best;
        }

        void OnEnable()
        {
            all.Add(this);
        }

        void OnDisable()
        {
            all.Remove(this);
        }
    }
}
