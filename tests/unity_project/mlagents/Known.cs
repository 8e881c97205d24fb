using System;
using System.Collections.Generic;
using System.Reflection;
using UnityEngine;

namespace Fedxr.Headless
{
    /// <summary>A headset whose sensors give numbers that a test can work out, and one actor.</summary>
    static class Known
    {
        internal static readonly List<object> Acted = new List<object>();
        static HeadsetConnection headset;
        static int steps;

        internal static HeadsetConnection Build(string scenario)
        {
            headset = new GameObject("Headset").AddComponent<HeadsetConnection>();
            Fill(headset, "scenarioJson", new TextAsset(scenario));
            Add("head", "motion/head", 72);
            Add("left", "motion/controller", 90);
            Add("eyes", "gaze/ray", 60);
            Add("audio/pcm16", "audio/pcm16", 16000);
            Add("skin", "physiology/eda", 4);
            Add("room", "spatial/points", 0);
            var actor = new GameObject("Actor").AddComponent<Actor>();
            Fill(actor, "acts", new[] { "hint", "navigate", "suggest", "tone" });
            return headset;
        }

        /// <summary>The user says something after a second and begins anew after two.</summary>
        internal static void Step()
        {
            if (headset == null)
                return;
            steps++;
            if (steps == 50)
                headset.Say("doing", 1);
            if (steps == 100)
                headset.NewEpisode();
        }

        static void Add(string name, string layout, double rateHz)
        {
            var made = new GameObject(name);
            made.transform.SetParent(headset.transform);
            var sensor = made.AddComponent<Counted>();
            Fill(sensor, "channelName", name);
            Fill(sensor, "rateHz", rateHz);
            sensor.Name = layout;
        }

        static void Fill(object on, string field, object value)
        {
            for (Type type = on.GetType(); type != null; type = type.BaseType)
            {
                FieldInfo found = type.GetField(field, BindingFlags.Instance | BindingFlags.NonPublic);
                if (found == null)
                    continue;
                found.SetValue(on, value);
                return;
            }
            throw new ArgumentException("no field " + field);
        }

        sealed class Actor : CueActor
        {
            public override void Act(Cue cue) => Acted.Add(new object[] { cue.Kind, cue.Task, cue.Payload });

            public override void Clear(string task) => Acted.Add(new object[] { "clear", task, null });
        }

        /// <summary>Value i of the n-th sample is n + i / 64, as a right-handed channel; sound is n.</summary>
        sealed class Counted : Sensor
        {
            internal string Name;
            int n;

            public Counted() : base("counted", 1)
            {
            }

            public override string Layout => Name;

            public override bool Sample(long captureUs, FrameBuilder frame)
            {
                if (Name == "spatial/points")
                    return frame.AddPoints(Channel, new float[] { 1, 2, 3 }, 1, captureUs);
                if (Name == "audio/pcm16")
                {
                    var sound = new short[320];
                    for (int i = 0; i < sound.Length; i++)
                        sound[i] = (short)(n++ % 32768);
                    return frame.Add(Channel, sound, 0, sound.Length, sound.Length, captureUs - 20000, 1e6 / 16000);
                }
                if (!IsDue(captureUs))
                    return false;
                var values = new float[Fedxr.Layout.Find(Name).SampleBytes / 4];
                for (int i = 0; i < values.Length; i++)
                    values[i] = n + i / 64f;
                n++;
                return frame.Add(Channel, values, 0, values.Length, 1, captureUs);
            }
        }
    }
}
