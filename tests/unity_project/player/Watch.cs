using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using UnityEngine;

namespace Fedxr.Player
{
    /// <summary>
    /// Whether a cue changed the scene. It notes what a person would see and hear of every object, but
    /// for what the user moves (the rig, the hands, the panel, the board that tells what the user is at)
    /// and for the turning of texts to the user. A change counts when it comes within two seconds of the
    /// cue in something that had kept still for two before, and is still there at their end.
    /// </summary>
    public sealed class Watch
    {
        const double Window = 2.0;

        readonly Dictionary<string, string> now = new Dictionary<string, string>();
        readonly Dictionary<string, double> changed = new Dictionary<string, double>();
        readonly List<Seen> open = new List<Seen>();
        double due;

        /// <summary>Every cue that came, and what it changed.</summary>
        public readonly List<Seen> Cues = new List<Seen>();

        public sealed class Seen
        {
            public string Act, Task;
            public int Actors;
            public double At;
            public HashSet<string> Still;
            public readonly SortedDictionary<string, string> Changes = new SortedDictionary<string, string>();

            /// <summary>What was when the cue came stays; what is now may change on.</summary>
            internal void Add(string key, string before, string now)
            {
                if (Changes.TryGetValue(key, out string told))
                    before = told.Substring(0, told.IndexOf(" -> ", System.StringComparison.Ordinal));
                if (before == now)
                    Changes.Remove(key);
                else
                    Changes[key] = before + " -> " + now;
            }
        }

        /// <summary>A cue is here; call it before the actors can have shown anything.</summary>
        public void Note(Cue cue, double seconds)
        {
            var still = new HashSet<string>(now.Keys.Where(key => !changed.ContainsKey(key) || seconds - changed[key] > Window));
            var seen = new Seen { Act = cue.Kind, Task = cue.Task, At = seconds, Still = still, Actors = Doers(cue.Kind) };
            open.Add(seen);
            Cues.Add(seen);
        }

        /// <summary>How many in the scene do this act.</summary>
        static int Doers(string act) =>
            Object.FindObjectsByType<CueActor>(FindObjectsSortMode.None).Count(one => one.Does(act));

        /// <summary>Look at the scene after a frame; ten times a second is enough.</summary>
        public void Look(double seconds)
        {
            if (seconds < due)
                return;
            due = seconds + 0.1;
            open.RemoveAll(one => seconds - one.At > Window + 0.1);
            foreach (GameObject one in Object.FindObjectsByType<GameObject>(FindObjectsInactive.Include, FindObjectsSortMode.None))
            {
                if (IsTheUsers(one))
                    continue;
                foreach (KeyValuePair<string, string> state in States(one))
                    Compare(Path(one.transform) + " " + state.Key, state.Value, seconds);
            }
            Compare("the world's light", Text(RenderSettings.ambientLight) + Text(RenderSettings.fogColor), seconds);
        }

        static bool IsTheUsers(GameObject one) =>
            Below<HeadsetConnection>(one) || Below<Panel>(one) || Below<StateBoard>(one) || Below<HandView>(one);

        static bool Below<T>(GameObject one) where T : Component => one.GetComponentInParent<T>(true) != null;

        void Compare(string key, string state, double seconds)
        {
            if (now.TryGetValue(key, out string before) && before != state)
            {
                foreach (Seen cue in open)
                    if (cue.Still.Contains(key))
                        cue.Add(key, before, state);
                changed[key] = seconds;
            }
            now[key] = state;
        }

        static IEnumerable<KeyValuePair<string, string>> States(GameObject one)
        {
            yield return State("active", one.activeSelf.ToString());
            Transform at = one.transform;
            if (!Below<Tag>(one) && !Below<Caption>(one))
                yield return State("pose", Rough(at.localPosition, 0.05f) + Rough(at.localRotation * Vector3.forward, 0.1f)
                    + Text(at.localScale));
            if (one.TryGetComponent(out TextMesh text))
                yield return State("text", text.text);
            if (one.TryGetComponent(out Light light))
                yield return State("light", Text(light.color) + light.intensity.ToString("F2", CultureInfo.InvariantCulture));
            if (one.TryGetComponent(out Renderer renderer))
                yield return State("colour", renderer.enabled + Text(renderer.sharedMaterial.color));
            if (one.TryGetComponent(out AudioSource sound))
                yield return State("sound", sound.isPlaying + (sound.clip == null ? "" : " " + sound.clip.name));
        }

        static KeyValuePair<string, string> State(string key, string value) => new KeyValuePair<string, string>(key, value);

        static string Text(Vector3 v) => v.ToString();

        /// <summary>In whole steps: what breathes or trembles keeps still.</summary>
        static string Rough(Vector3 v, float step) =>
            Text(new Vector3(Mathf.Round(v.x / step) * step, Mathf.Round(v.y / step) * step, Mathf.Round(v.z / step) * step));

        static string Text(Color c) => c.ToString();

        static string Path(Transform at) => at.parent == null ? at.name : Path(at.parent) + "/" + at.name;
    }
}
