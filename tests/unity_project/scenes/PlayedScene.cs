using System;
using System.Collections.Generic;
using System.IO;
using System.Reflection;
using Fedxr.Player;
using UnityEngine;
using UnityEngine.Stub;
using Object = UnityEngine.Object;

namespace Fedxr.Tests
{
    /// <summary>
    /// One of the project's scenes, played from its first frame without a server. Two that are given
    /// the same cues at the same times look the same, so what differs is the cue's doing.
    /// </summary>
    sealed class PlayedScene : IDisposable
    {
        const double Frame = 1 / 30.0;
        const BindingFlags Hidden = BindingFlags.Instance | BindingFlags.Static | BindingFlags.NonPublic
            | BindingFlags.Public;

        readonly object dispatch;

        internal readonly HeadsetConnection Connection;

        internal PlayedScene(string name)
        {
            string project = Environment.GetEnvironmentVariable("FEDXR_PROJECT");
            var assets = new Assets(project, typeof(HeadsetConnection).Assembly, typeof(Thing).Assembly);
            typeof(Time).GetProperty("timeAsDouble").SetValue(null, 0.0, Hidden, null, null, null);
            UnityEngine.Random.InitState(0);
            PlayerLoop.Load(() =>
            {
                new SceneFile(Path.Combine(project, "Assets", "Scenes", name + ".unity"), assets).Build();
                Object.FindFirstObjectByType<HeadsetConnection>().enabled = false; // nobody to call
            });
            Connection = Object.FindObjectsByType<HeadsetConnection>(FindObjectsSortMode.None)[0];
            dispatch = typeof(HeadsetConnection).GetField("dispatch", Hidden).GetValue(Connection);
            CueActor[] actors = Object.FindObjectsByType<CueActor>(FindObjectsSortMode.None);
            dispatch.GetType().GetMethod("AddRange", Hidden).Invoke(dispatch, new object[] { actors });
        }

        internal void Play(double seconds)
        {
            for (int i = 0; i < seconds / Frame; i++)
                PlayerLoop.Step(Frame);
        }

        /// <summary>A cue comes, by the way that the agent's take.</summary>
        internal void Hand(string act, string task, Dictionary<string, object> payload)
        {
            object cue = Activator.CreateInstance(typeof(Cue), true);
            Set(cue, "Kind", act);
            Set(cue, "Task", task);
            Set(cue, "Payload", payload);
            Set(cue, "Confidence", 0.9);
            dispatch.GetType().GetMethod("Hand", Hidden).Invoke(dispatch, new[] { cue });
        }

        /// <summary>What a person would see and hear of every object now: texts and numbers.</summary>
        internal Dictionary<string, object> Look()
        {
            var seen = new Dictionary<string, object>();
            foreach (GameObject one in Object.FindObjectsByType<GameObject>(FindObjectsSortMode.None))
            {
                string name = NameOf(one.transform);
                Vector3 at = one.transform.position, way = one.transform.forward;
                seen[name + " place"] = new[] { at.x, at.y, at.z, way.x, way.y, way.z };
                TextMesh text;
                if (one.TryGetComponent(out text) && text.text.Length > 0)
                    seen[name + " text"] = text.text;
                Renderer surface;
                if (one.TryGetComponent(out surface) && text == null)
                    seen[name + " colour"] = Parts(surface.sharedMaterial.color);
                Light light;
                if (one.TryGetComponent(out light))
                    seen[name + " light"] = Parts(light.color * light.intensity);
                AudioSource sound;
                if (one.TryGetComponent(out sound) && sound.loop)
                    seen[name + " volume"] = new[] { sound.isPlaying ? sound.volume : 0f };
            }
            return seen;
        }

        public void Dispose()
        {
            PlayerLoop.Quit();
        }

        static void Set(object cue, string property, object value)
        {
            typeof(Cue).GetProperty(property).SetValue(cue, value, Hidden, null, null, null);
        }

        static string NameOf(Transform at) => at.parent == null ? at.name : NameOf(at.parent) + "/" + at.name;

        static float[] Parts(Color c) => new[] { c.r, c.g, c.b };
    }
}
