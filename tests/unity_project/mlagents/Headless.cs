using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Threading;
using Fedxr.Player;
using Unity.MLAgents;
using UnityEngine;
using UnityEngine.Stub;
using Object = UnityEngine.Object;

namespace Fedxr.Headless
{
    /// <summary>
    /// A built player as ML-Agents starts it: <c>Headless.exe PROJECT SCENE REPORT --mlagents-port …</c>.
    /// Talks to Python by lines on its standard streams (<c>transport.py</c> makes gRPC of them) and
    /// steps fifty times a second. SCENE is a .unity file, or "known" for the sensors of Known.cs.
    /// </summary>
    static class Program
    {
        const double StepSeconds = 0.02;

        static int Main(string[] arguments)
        {
            Assembly.Load("Fedxr.MLAgents"); // Unity loads all of a player's assemblies
            Academy.Exchange = new Lines();
            var report = new SortedDictionary<string, object>();
            var cues = new List<object>();
            var errors = new List<string>();
            Application.logMessageReceived += (text, trace, type) =>
            {
                if (type != LogType.Log && type != LogType.Warning)
                    errors.Add(text + "\n" + trace);
            };
            int replies = 0;
            PlayerLoop.Load(() =>
            {
                HeadsetConnection headset = Build(arguments[0], arguments[1]);
                headset.CueArrived += cue => cues.Add(new object[] { cue.Kind, cue.Task, cue.Payload });
                headset.ReplyArrived += reply => replies++;
            });
            var clock = Stopwatch.StartNew();
            for (double due = 0; Academy.Instance.IsCommunicatorOn; due += StepSeconds)
            {
                PlayerLoop.Step(StepSeconds);
                Known.Step();
                Academy.Instance.EnvironmentStep();
                due = Math.Max(due, clock.Elapsed.TotalSeconds - StepSeconds);
                Thread.Sleep(Math.Max(0, (int)(1000 * (due + StepSeconds - clock.Elapsed.TotalSeconds))));
            }
            report.Add("cues", cues.ToArray());
            report.Add("acted", Known.Acted.ToArray());
            report.Add("replies", replies);
            report.Add("errors", errors);
            File.WriteAllText(arguments[2], Report.Json(report));
            PlayerLoop.Quit();
            return 0;
        }

        static HeadsetConnection Build(string project, string scene)
        {
            if (scene == "known")
                return Known.Build(File.ReadAllText(Path.Combine(project, "Assets", "Scenarios", "companion.json")));
            var assets = new Assets(project, typeof(HeadsetConnection).Assembly, Assembly.Load("Fedxr.Scenes"));
            new SceneFile(scene, assets).Build();
            return Object.FindFirstObjectByType<HeadsetConnection>();
        }
    }

    /// <summary>Each exchange is a line of JSON out and one in.</summary>
    sealed class Lines : IExchange
    {
        readonly TextWriter to = Console.Out;
        readonly TextReader from = Console.In;

        public byte[] Begin() => Bytes(Ask(new SortedDictionary<string, object>()));

        public bool Step(List<Told> told, byte[] sent, out byte[] received, out bool reset,
            Dictionary<int, int[]> branches)
        {
            JsonMap reply = Ask(new SortedDictionary<string, object>
            {
                { "side", Convert.ToBase64String(sent) },
                { "agents", told.Select(Agent).ToArray() },
            });
            received = Bytes(reply);
            reset = reply.Text("command") == "reset";
            JsonMap actions = reply.Map("actions");
            foreach (string id in actions.Keys)
                branches[int.Parse(id)] = Array.ConvertAll(actions.Numbers(id), x => (int)x);
            return reply.Text("command") != "quit";
        }

        static object Agent(Told one) => new SortedDictionary<string, object>
        {
            { "behaviour", one.Agent.GetComponent<Unity.MLAgents.Policies.BehaviorParameters>().BehaviorName },
            { "id", one.Id },
            { "done", one.Done },
            { "interrupted", one.Interrupted },
            { "branches", one.Agent.Spec.BranchSizes },
            { "observations", one.Agent.Sensors.Select(Observation).ToArray() },
        };

        static object Observation(Unity.MLAgents.Sensors.ISensor sensor)
        {
            int size = sensor.GetObservationSpec().Shape[0];
            var writer = new Unity.MLAgents.Sensors.ObservationWriter(size);
            int written = sensor.Write(writer);
            if (written != size)
                throw new InvalidOperationException(sensor.GetName() + " wrote " + written + " of " + size);
            var bytes = new byte[4 * size];
            Buffer.BlockCopy(writer.Data, 0, bytes, 0, bytes.Length);
            return new SortedDictionary<string, object>
            {
                { "name", sensor.GetName() }, { "data", Convert.ToBase64String(bytes) },
            };
        }

        JsonMap Ask(SortedDictionary<string, object> said)
        {
            to.WriteLine(Report.Json(said));
            to.Flush();
            string line = from.ReadLine();
            if (line == null)
                Environment.Exit(3); // Python has gone
            return JsonMap.Parse(line);
        }

        static byte[] Bytes(JsonMap reply) => Convert.FromBase64String(reply.Text("side"));
    }
}
