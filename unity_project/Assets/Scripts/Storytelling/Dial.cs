using System;
using System.Collections.Generic;

namespace Fedxr
{
    /// <summary>What the intensity cues of several tasks make together.</summary>
    public sealed class Dial
    {
        /// <summary>The range of <see cref="Value"/>.</summary>
        public const float Least = 0.3f, Most = 1.5f;

        readonly Dictionary<string, float> changes = new Dictionary<string, float>();

        /// <summary>1 is the usual intensity.</summary>
        public float Value { get; private set; } = 1f;

        /// <summary>The change that <paramref name="task"/> asks for, in place of its last one.</summary>
        public void Set(string task, float change)
        {
            changes[task] = change;
            Measure();
        }

        /// <summary>Takes back what <paramref name="task"/> asked for.</summary>
        public void Clear(string task)
        {
            changes.Remove(task);
            Measure();
        }

        void Measure()
        {
            float sum = 1f;
            foreach (float change in changes.Values)
                sum += change;
            Value = Math.Max(Least, Math.Min(Most, sum));
        }
    }
}
