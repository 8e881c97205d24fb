using System.Collections.Generic;
using UnityEngine;

namespace Fedxr
{
    /// <summary>
    /// Carries out <c>warning</c>, and those <c>hint</c>s that are about a machine (they say how
    /// urgent they are): marks the machine that the probe rests on.
    /// </summary>
    public sealed class Warnings : CueActor
    {
        readonly Dictionary<string, Machine> marked = new Dictionary<string, Machine>();

        [SerializeField] Probe probe;

        public override void Act(Cue cue)
        {
            Clear(cue.Task);
            float urgency = cue.Number("urgency", cue.Kind == "warning" ? 1f : 0f);
            if (urgency <= 0f)
                return; // an ordinary hint: the caption shows it
            marked[cue.Task] = probe.Machine;
            probe.Machine.Mark(cue.Text("text", "look at this machine"), urgency);
        }

        public override void Clear(string task)
        {
            Machine machine;
            if (!marked.TryGetValue(task, out machine))
                return;
            marked.Remove(task);
            if (!marked.ContainsValue(machine))
                machine.Unmark();
        }
    }
}
