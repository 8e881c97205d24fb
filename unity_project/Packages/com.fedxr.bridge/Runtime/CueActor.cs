using System;
using UnityEngine;

namespace Fedxr
{
    /// <summary>Something in the scene that does what the agent tells. The scene's
    /// <see cref="HeadsetConnection"/> finds it, active or not, and calls it for the acts that it names
    /// while it is active and enabled; <see cref="Clear"/> is called in any case.</summary>
    public abstract class CueActor : MonoBehaviour
    {
        [Tooltip("The acts it does: label, hint, warning, effector, pace, suggest, remind, navigate, "
            + "tone, intensity, branch.")]
        [SerializeField] string[] acts = new string[0];

        /// <summary>The acts it does.</summary>
        public string[] Acts
        {
            get { return acts; }
            internal set { acts = value; }
        }

        /// <summary>Whether it does <paramref name="act"/>.</summary>
        public bool Does(string act) => Array.IndexOf(acts, act) >= 0;

        /// <summary>Do what <paramref name="cue"/> says, until the next cue of its task or
        /// <see cref="Clear"/>.</summary>
        public abstract void Act(Cue cue);

        /// <summary>Take back what the last cue of <paramref name="task"/> began; nothing, when there
        /// was none.</summary>
        public abstract void Clear(string task);
    }
}
