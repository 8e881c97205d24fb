using System;
using System.Diagnostics;
using System.Reflection;
using System.Threading;
using UnityEngine;
using UnityEngine.Stub;

namespace Fedxr.ConsoleTest
{
    /// <summary>A scene with a head and a depth sensor that runs until something is said that its
    /// user should read, or for SECONDS: URL TOKEN USER TASKS SECONDS. What Unity's console would
    /// show goes to the standard error.</summary>
    static class Program
    {
        static int Main(string[] arguments)
        {
            var headset = default(HeadsetConnection);
            PlayerLoop.Load(() =>
            {
                var camera = new GameObject("Camera");
                camera.tag = "MainCamera";
                camera.AddComponent<Camera>();
                headset = new GameObject("Headset").AddComponent<HeadsetConnection>();
                headset.Url = arguments[0];
                headset.Token = arguments[1];
                Fill(headset, "user", arguments[2]);
                Fill(headset, "tasks", arguments[3].Split(new[] { ',' }, StringSplitOptions.RemoveEmptyEntries));
                Fill(headset, "scenario", "companion");
                headset.gameObject.AddComponent<HeadSensor>();
                headset.gameObject.AddComponent<DepthSensor>();
            });
            var clock = Stopwatch.StartNew();
            for (double seconds = double.Parse(arguments[4]); clock.Elapsed.TotalSeconds < seconds;)
            {
                PlayerLoop.Step(clock.Elapsed.TotalSeconds - Time.timeAsDouble);
                if (headset.Client != null && headset.Client.State == ConnectionState.Ended)
                    break;
                Thread.Sleep(15);
            }
            PlayerLoop.Quit();
            return 0;
        }

        static void Fill(object on, string field, object value) => on.GetType()
            .GetField(field, BindingFlags.Instance | BindingFlags.NonPublic).SetValue(on, value);
    }
}
