using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Reflection;
using System.Threading;
using UnityEngine;
using UnityEngine.Stub;
using Object = UnityEngine.Object;

namespace Fedxr.Player
{
    /// <summary>
    /// Plays a scene of the project in real time, as a built player would, and writes what happened:
    /// <c>Player.exe PROJECT SCENE REPORT [--seconds N] [--hz N] [--url URL] [--user NAME] [--person FILE]</c>.
    /// The seconds, and the person's, count from when the session is open, which a busy server may
    /// take its time for. Ends with 0, and with 1 when an exception or error was logged.
    /// </summary>
    static class Program
    {
        const double LongestWait = 30; // seconds for a session

        static int Main(string[] arguments)
        {
            var options = new Dictionary<string, string>
            {
                { "--seconds", "10" }, { "--hz", "90" }, { "--url", null }, { "--user", null }, { "--person", null },
            };
            for (int i = 3; i < arguments.Length; i += 2)
            {
                if (!options.ContainsKey(arguments[i]))
                    throw new ArgumentException($"no option {arguments[i]}; there are {string.Join(", ", options.Keys)}");
                options[arguments[i]] = arguments[i + 1];
            }
            var journal = new Journal();
            var assets = new Assets(arguments[0], typeof(HeadsetConnection).Assembly, Assembly.Load("Fedxr.Scenes"));
            PlayerLoop.Load(() =>
            {
                new SceneFile(arguments[1], assets).Build();
                Prepare(options, journal);
            });
            SortedDictionary<string, object> report = Play(options, journal);
            File.WriteAllText(arguments[2], Report.Json(report));
            return ((List<string>)report["errors"]).Count == 0 ? 0 : 1;
        }

        /// <summary>Point the scene's headset at the server, as a person would in the inspector.</summary>
        static void Prepare(Dictionary<string, string> options, Journal journal)
        {
            HeadsetConnection connection = Object.FindFirstObjectByType<HeadsetConnection>();
            if (connection == null)
                throw new FormatException("the scene has no HeadsetConnection");
            Set(connection, "url", options["--url"]);
            Set(connection, "user", options["--user"]);
            journal.Listen(connection);
        }

        static void Set(HeadsetConnection connection, string field, string value)
        {
            if (value != null)
                Values.Fill(connection, new Dictionary<string, Node> { { field, new Node { Text = value } } }, null);
        }

        /// <summary>Frame after frame at its time; one that comes late moves those that follow.</summary>
        static SortedDictionary<string, object> Play(Dictionary<string, string> options, Journal journal)
        {
            double seconds = Number(options["--seconds"]), period = 1 / Number(options["--hz"]);
            var person = new Person(options["--person"]);
            var clock = Stopwatch.StartNew();
            double due = 0, last = 0;
            int frames = 0, slow = 0;
            while (journal.Played < seconds && !journal.Over
                && (journal.Connected || clock.Elapsed.TotalSeconds < LongestWait))
            {
                double begun = clock.Elapsed.TotalSeconds;
                slow += begun - last > 2 * period ? 1 : 0;
                if (journal.Connected)
                    person.Act(journal.Played);
                PlayerLoop.Step(frames == 0 ? period : begun - last);
                journal.Look(begun);
                frames++;
                last = begun;
                due = Math.Max(due + period, clock.Elapsed.TotalSeconds - period);
                int wait = (int)((due - clock.Elapsed.TotalSeconds) * 1000);
                if (wait > 0)
                    Thread.Sleep(wait);
            }
            double took = clock.Elapsed.TotalSeconds;
            PlayerLoop.Quit(); // what is still on its way to the server counts too
            SortedDictionary<string, object> report = journal.Tell();
            report.Add("frames", frames);
            report.Add("frames_slow", slow);
            report.Add("rate_hz", frames / took);
            return report;
        }

        static double Number(string text) => double.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
    }
}
