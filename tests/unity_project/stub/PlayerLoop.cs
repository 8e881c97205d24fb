using System;
using System.Collections.Generic;

namespace UnityEngine.Stub
{
    /// <summary>
    /// Calls the scripts in Unity's order. When a scene has been loaded, each script's Awake and then
    /// its OnEnable, script after script in execution order. Then each frame: Start of those that have
    /// not started, Update, LateUpdate, and last what was destroyed goes.
    /// </summary>
    public static class PlayerLoop
    {
        internal static readonly List<GameObject> Objects = new List<GameObject>();

        static readonly List<MonoBehaviour> scripts = new List<MonoBehaviour>();
        static bool unsorted;

        /// <summary>A scene is being made: its file says which components there are.</summary>
        internal static bool Loading { get; private set; }

        /// <summary>Make a scene: nothing is awoken before <paramref name="build"/> is done.</summary>
        public static void Load(Action build)
        {
            SceneManagement.SceneManager.Begin();
            Loading = true;
            try
            {
                build();
            }
            finally
            {
                Loading = false;
            }
            Wake(scripts);
            SceneManagement.SceneManager.Loaded();
        }

        /// <summary>One frame that lasts <paramref name="seconds"/>.</summary>
        public static void Step(double seconds)
        {
            Time.Advance(seconds);
            Input.Begin();
            foreach (MonoBehaviour one in Ordered())
                if (one.Enabled && !one.Started)
                {
                    one.Started = true;
                    one.Send("Start");
                }
            Tell("Update");
            Tell("LateUpdate");
            Camera.RenderAll();
            Rendering.AsyncGPUReadback.Answer();
        }

        /// <summary>The player closes: quit, and everything is disabled and destroyed.</summary>
        public static void Quit()
        {
            Tell("OnApplicationQuit");
            foreach (GameObject one in Objects.ToArray())
                if (one != null)
                    DestroyNow(one);
        }

        internal static void Joined(Component part)
        {
            var script = part as MonoBehaviour;
            if (script == null)
                return;
            scripts.Add(script);
            unsorted = true;
            if (!Loading)
                Wake(new[] { script });
        }

        /// <summary>An object or one of its behaviours was switched on or off, or has moved.</summary>
        internal static void Switched(GameObject at)
        {
            if (!Loading && !at.Gone)
                Wake(at.GetComponentsInChildren<MonoBehaviour>(true));
        }

        static void Wake(ICollection<MonoBehaviour> some)
        {
            foreach (MonoBehaviour one in Sorted(some))
            {
                if (one.Gone)
                    continue;
                if (!one.Awoken && one.gameObject.activeInHierarchy)
                {
                    one.Awoken = true;
                    one.Send("Awake");
                }
                bool on = one.isActiveAndEnabled && one.Awoken;
                if (on == one.Enabled)
                    continue;
                one.Enabled = on;
                one.Send(on ? "OnEnable" : "OnDisable");
            }
        }

        static void Tell(string message)
        {
            foreach (MonoBehaviour one in Ordered())
                if (one.Enabled && one.Started)
                    one.Send(message);
        }

        static MonoBehaviour[] Ordered()
        {
            if (unsorted)
            {
                MonoBehaviour[] sorted = Sorted(scripts);
                scripts.Clear();
                scripts.AddRange(sorted);
                unsorted = false;
            }
            return scripts.ToArray();
        }

        /// <summary>By [DefaultExecutionOrder], then as they came.</summary>
        static MonoBehaviour[] Sorted(ICollection<MonoBehaviour> some)
        {
            var sorted = new List<MonoBehaviour>(some);
            var place = new Dictionary<MonoBehaviour, int>();
            for (int i = 0; i < sorted.Count; i++)
                place[sorted[i]] = i;
            sorted.Sort((a, b) => Order(a) != Order(b) ? Order(a).CompareTo(Order(b)) : place[a].CompareTo(place[b]));
            return sorted.ToArray();
        }

        static int Order(MonoBehaviour one)
        {
            var said = (DefaultExecutionOrder)Attribute.GetCustomAttribute(one.GetType(), typeof(DefaultExecutionOrder));
            return said == null ? 0 : said.order;
        }

        internal static void DestroyNow(Object one)
        {
            var whole = one as GameObject;
            if (!ReferenceEquals(whole, null))
            {
                foreach (Transform child in whole.transform)
                    DestroyNow(child.gameObject);
                foreach (Component part in whole.Parts.ToArray())
                    End(part);
                whole.transform.Leave();
                Objects.Remove(whole);
            }
            else if (one is Component)
            {
                End((Component)one);
                ((Component)one).gameObject.Parts.Remove((Component)one);
            }
            one.Gone = true;
        }

        static void End(Component part)
        {
            var script = part as MonoBehaviour;
            if (!ReferenceEquals(script, null) && !script.Gone)
            {
                if (script.Enabled)
                    script.Send("OnDisable");
                script.Enabled = false;
                if (script.Awoken)
                    script.Send("OnDestroy");
                scripts.Remove(script);
            }
            part.Gone = true;
        }
    }
}
