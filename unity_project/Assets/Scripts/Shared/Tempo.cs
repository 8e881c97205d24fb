using System;
using System.Collections.Generic;

namespace Fedxr
{
    /// <summary>
    /// What the pace cues of several tasks make together: the slowest of them, and animations only
    /// where all of them allow it.
    /// </summary>
    public sealed class Tempo
    {
        /// <summary>The speeds that a cue may ask for.</summary>
        public const float Slowest = 0.1f, Fastest = 3f;

        readonly Dictionary<string, float> speeds = new Dictionary<string, float>();
        readonly HashSet<string> still = new HashSet<string>();

        /// <summary>1 is the usual pace.</summary>
        public float Speed { get; private set; } = 1f;

        /// <summary>Whether ornaments may move.</summary>
        public bool Animations
        {
            get { return still.Count == 0; }
        }

        /// <summary>A pace cue of <paramref name="task"/>, in place of its last one.</summary>
        public void Set(string task, float speed, bool animations)
        {
            speeds[task] = Math.Max(Slowest, Math.Min(Fastest, speed));
            if (animations)
                still.Remove(task);
            else
                still.Add(task);
            Measure();
        }

        /// <summary>Takes back what <paramref name="task"/> asked for.</summary>
        public void Clear(string task)
        {
            speeds.Remove(task);
            still.Remove(task);
            Measure();
        }

        void Measure()
        {
            Speed = speeds.Count == 0 ? 1f : Fastest;
            foreach (float speed in speeds.Values)
                Speed = Math.Min(Speed, speed);
        }
    }
}
