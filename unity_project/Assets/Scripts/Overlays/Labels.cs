using System.Collections.Generic;
using UnityEngine;

namespace Fedxr
{
    /// <summary>
    /// Carries out <c>label</c>: the text stands on what the user looks at when it comes, the texts
    /// of the reading tasks on the handwriting nearest to the glance. It stays there, until the task
    /// labels something else or takes it back.
    /// </summary>
    public sealed class Labels : CueActor
    {
        static readonly Color Ink = new Color(0.55f, 0.95f, 1f);

        readonly Dictionary<string, Thing> labelled = new Dictionary<string, Thing>();

        [SerializeField] Attention attention;

        [Tooltip("The tasks that read handwriting.")]
        [SerializeField] string[] reading = { "digit_written", "character" };

        /// <summary>What <paramref name="task"/> has labelled, or null.</summary>
        public Thing On(string task)
        {
            Thing thing;
            return labelled.TryGetValue(task, out thing) ? thing : null;
        }

        public override void Act(Cue cue)
        {
            Clear(cue.Task);
            bool reads = System.Array.IndexOf(reading, cue.Task) >= 0;
            Thing thing = reads ? attention.Handwriting : attention.Thing;
            if (thing == null || thing.Label == null)
                return;
            labelled[cue.Task] = thing;
            string text = cue.Text("text", "?");
            thing.Label.Show((reads ? "reads: " : "") + text, Ink);
        }

        public override void Clear(string task)
        {
            Thing thing;
            if (!labelled.TryGetValue(task, out thing))
                return;
            labelled.Remove(task);
            if (!labelled.ContainsValue(thing))
                thing.Label.Hide();
        }
    }
}
