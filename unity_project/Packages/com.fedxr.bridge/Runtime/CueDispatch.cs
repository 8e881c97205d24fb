using System;
using System.Collections.Generic;
using UnityEngine;

namespace Fedxr
{
    /// <summary>Hands cues to the actors that do them, and takes back what a task's last cue began
    /// when its next one is another act: the agent says <c>clear</c> only where nothing follows.</summary>
    sealed class CueDispatch
    {
        const string ClearAct = "clear";

        readonly List<CueActor> actors = new List<CueActor>();
        readonly Dictionary<string, string> acting = new Dictionary<string, string>(); // task: act

        internal void Add(CueActor actor)
        {
            if (!actors.Contains(actor))
                actors.Add(actor);
        }

        internal void AddRange(CueActor[] found)
        {
            foreach (CueActor actor in found)
                Add(actor);
        }

        internal void Hand(Cue cue)
        {
            string before;
            if (acting.TryGetValue(cue.Task, out before))
                Clear(cue.Task, before, cue.Kind);
            acting.Remove(cue.Task);
            if (cue.Kind == ClearAct)
                return;
            acting[cue.Task] = cue.Kind;
            foreach (CueActor actor in actors)
                if (actor && actor.isActiveAndEnabled && actor.Does(cue.Kind))
                    Try(actor, () => actor.Act(cue));
        }

        /// <summary>Those that did <paramref name="before"/> take it back, but for those that do the
        /// task's next act anyway.</summary>
        void Clear(string task, string before, string next)
        {
            foreach (CueActor actor in actors)
                if (actor && actor.Does(before) && !actor.Does(next))
                    Try(actor, () => actor.Clear(task));
        }

        /// <summary>An actor's mistake is told, and costs the others nothing.</summary>
        static void Try(CueActor actor, Action deed)
        {
            try
            {
                deed();
            }
            catch (Exception error)
            {
                Debug.LogException(error, actor);
            }
        }
    }
}
