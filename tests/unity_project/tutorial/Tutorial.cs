using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Threading;
using UnityEngine;
using UnityEngine.Stub;

namespace Fedxr.Tutorial
{
    /// <summary>Builds the scene of docs/unity_project.md, presses its keys in real time, and prints
    /// how often the caption said what the tool did, before and after the teaching.</summary>
    static class Program
    {
        const double FrameSeconds = 1.0 / 60, SettleSeconds = 3.5, WatchSeconds = 1.5;
        static readonly string[] words = { "resting", "stirring", "hammering" };
        static readonly Stopwatch clock = Stopwatch.StartNew();
        static HeadsetConnection headset;
        static TextMesh caption;

        static int Main(string[] args)
        {
            PlayerLoop.Load(() => Build(args[0]));
            while (headset.Client == null || headset.Client.State != ConnectionState.Open)
            {
                if (clock.Elapsed.TotalSeconds > 20)
                    throw new TimeoutException("no session: " + headset.Client?.Trouble);
                Frame();
            }
            Say("tasks", string.Join(",", headset.Client.Welcome.Tasks));
            double before = Watched(new[] { 0, 2 });
            foreach (int doing in new[] { 1, 2, 0 })
            {
                Press(KeyCode.Alpha1 + doing);
                Play(SettleSeconds);
                Press(KeyCode.Return);
            }
            double after = Watched(new[] { 1, 2, 0, 2 });
            Say("before", before.ToString(CultureInfo.InvariantCulture));
            Say("after", after.ToString(CultureInfo.InvariantCulture));
            Say("dropped", headset.Client.Stats.FramesDropped.ToString());
            PlayerLoop.Quit();
            return 0;
        }

        /// <summary>The table of step 3.</summary>
        static void Build(string url)
        {
            headset = new GameObject("Headset").AddComponent<HeadsetConnection>();
            headset.Url = url;
            Fill(headset, "scenario", "companion");
            Fill(headset, "tasks", new[] { "tool" });
            GameObject tool = GameObject.CreatePrimitive(PrimitiveType.Cube);
            tool.transform.SetParent(headset.transform);
            tool.transform.localPosition = new Vector3(0, 0, 2);
            tool.transform.localScale = new Vector3(0.05f, 0.05f, 0.3f);
            tool.AddComponent<ToolSensor>();
            Fill(tool.AddComponent<ToolHand>(), "headset", headset);
            caption = new GameObject("Caption").AddComponent<TextMesh>();
            Fill(caption.gameObject.AddComponent<ToolCaption>(), "acts", new[] { "hint" });
        }

        /// <summary>The share of frames in which the caption is right, a while after each change.</summary>
        static double Watched(IEnumerable<int> doings)
        {
            int right = 0, all = 0;
            foreach (int doing in doings)
            {
                Press(KeyCode.Alpha1 + doing);
                Play(SettleSeconds);
                for (double until = clock.Elapsed.TotalSeconds + WatchSeconds; clock.Elapsed.TotalSeconds < until; all++)
                {
                    Frame();
                    right += caption.text == words[doing] ? 1 : 0;
                }
            }
            return (double)right / all;
        }

        static void Press(KeyCode key)
        {
            Hands.Press(key);
            Frame();
            Hands.Release(key);
            Frame();
        }

        static void Play(double seconds)
        {
            for (double until = clock.Elapsed.TotalSeconds + seconds; clock.Elapsed.TotalSeconds < until;)
                Frame();
        }

        static double due;

        static void Frame()
        {
            due = Math.Max(due + FrameSeconds, clock.Elapsed.TotalSeconds - FrameSeconds);
            int wait = (int)(1000 * (due - clock.Elapsed.TotalSeconds));
            if (wait > 0)
                Thread.Sleep(wait);
            double now = clock.Elapsed.TotalSeconds;
            PlayerLoop.Step(now - Time.timeAsDouble);
        }

        /// <summary>As the inspector does it.</summary>
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
            throw new ArgumentException("no field " + field + " in " + on.GetType());
        }

        static void Say(string what, string value) => Console.WriteLine(what + " " + value);
    }
}
