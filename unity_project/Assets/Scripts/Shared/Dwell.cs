using System.Collections.Generic;
using UnityEngine;

namespace Fedxr
{
    /// <summary>Choosing by looking: whoever keeps looking at an option has chosen it, once.</summary>
    public sealed class Dwell
    {
        readonly float seconds, degrees;
        int on = -1;
        float held;

        /// <param name="seconds">How long one must look.</param>
        /// <param name="degrees">How far beside the option counts.</param>
        public Dwell(float seconds, float degrees)
        {
            this.seconds = seconds;
            this.degrees = degrees;
        }

        /// <summary>
        /// The option that is chosen in this frame, or -1. Those that are not shown cannot be chosen.
        /// </summary>
        public int Chosen(Ray glance, IList<TextMesh> options, float deltaSeconds)
        {
            int now = -1;
            for (int i = 0; i < options.Count; i++)
            {
                bool shown = options[i].text.Length > 0 && options[i].gameObject.activeInHierarchy;
                Vector3 way = options[i].transform.position - glance.origin;
                if (shown && Vector3.Angle(glance.direction, way) <= degrees)
                    now = i;
            }
            float before = now == on ? held : 0f;
            on = now;
            held = before + deltaSeconds;
            return on >= 0 && before < seconds && held >= seconds ? on : -1;
        }
    }
}
