using System;
using System.Collections.Generic;

namespace Fedxr
{
    /// <summary>A use case as <c>scenarios/export.py</c> writes it: what can be asked, what the
    /// answers do, and how the simulated user's states show in the sensors. Engine-free.</summary>
    public sealed class Scenario
    {
        const int Version = 1;

        readonly Dictionary<string, ScenarioTask> byName = new Dictionary<string, ScenarioTask>();

        Scenario(JsonMap file)
        {
            if ((int)file.Number("version") != Version)
                throw new FormatException("scenario JSON: version " + file.Number("version")
                    + "; this package reads " + Version);
            UseCase = file.Text("use_case");
            JsonMap cues = file.Map("cues"), world = file.Map("world");
            var tasks = new List<ScenarioTask>();
            foreach (JsonMap task in file.Maps("tasks"))
            {
                string name = task.Text("name");
                var read = new ScenarioTask(task, cues.Has(name) ? cues.Map(name) : null);
                tasks.Add(read);
                byName[name] = read;
            }
            Tasks = tasks;
            EpisodeSeconds = world.Number("episode_s");
            var courses = new List<Course>();
            foreach (JsonMap course in world.Maps("courses"))
                courses.Add(new Course(course, byName[course.Text("task")]));
            Courses = courses;
            Person = file.Has("person") ? file.Map("person") : null;
        }

        /// <summary><c>overlays</c>, <c>neuroadaptive</c>, <c>companion</c> or <c>storytelling</c>.</summary>
        public string UseCase { get; }

        /// <summary>What can be asked.</summary>
        public IReadOnlyList<ScenarioTask> Tasks { get; }

        /// <summary>The hidden states of the simulated user.</summary>
        public IReadOnlyList<Course> Courses { get; }

        /// <summary>Length of an episode of the simulated world.</summary>
        public double EpisodeSeconds { get; }

        /// <summary>The simulated user's sensors: one map of parameters per sensor, by class where a
        /// state shows in it; null when the file has none.</summary>
        public JsonMap Person { get; }

        /// <exception cref="FormatException">It is no scenario; the message says where and why.</exception>
        public static Scenario Parse(string json) => new Scenario(JsonMap.Parse(json));

        /// <summary>The task called <paramref name="name"/>, or null when this scenario has none.</summary>
        public ScenarioTask Task(string name)
        {
            ScenarioTask found;
            return name != null && byName.TryGetValue(name, out found) ? found : null;
        }

        /// <summary>The parameters of the simulated <paramref name="sensor"/>.</summary>
        /// <exception cref="FormatException">The scenario simulates no such sensor.</exception>
        public JsonMap Simulated(string sensor)
        {
            if (Person == null || !Person.Has(sensor))
                throw new FormatException("scenario " + UseCase + " simulates no " + sensor
                    + "; it has " + (Person == null ? "none" : string.Join(", ", Person.Keys)));
            return Person.Map(sensor);
        }
    }

    /// <summary>One thing that the agent can be asked.</summary>
    public sealed class ScenarioTask
    {
        readonly JsonMap cues;

        internal ScenarioTask(JsonMap task, JsonMap rule)
        {
            Name = task.Text("name");
            Classes = task.Texts("classes");
            Modalities = task.Texts("modalities");
            DeadlineMs = task.Number("deadline_ms");
            cues = rule == null ? null : rule.Map("classes");
        }

        /// <summary>The task's name.</summary>
        public string Name { get; }

        /// <summary>The classes that an answer chooses from, in the order of its probabilities.</summary>
        public IReadOnlyList<string> Classes { get; }

        /// <summary>The modalities that can answer it; any of them is enough.</summary>
        public IReadOnlyList<string> Modalities { get; }

        /// <summary>The longest useful time from capture to reply.</summary>
        public double DeadlineMs { get; }

        /// <summary>The act that <paramref name="label"/> brings about, or null when it is silence.</summary>
        public string ActOf(string label) =>
            cues != null && cues.Has(label) ? cues.Map(label).Text("act") : null;

        /// <summary>The payload of that act; null when it is silence.</summary>
        public Dictionary<string, object> PayloadOf(string label) =>
            cues != null && cues.Has(label) ? cues.Map(label).Map("payload").ToDictionary() : null;
    }

    /// <summary>How a hidden state of the simulated user moves.</summary>
    public sealed class Course
    {
        internal Course(JsonMap course, ScenarioTask task)
        {
            Task = task;
            DwellSeconds = course.Number("dwell_s");
            HeldSeconds = course.Number("held_s");
            IsQuick = course.Flag("quick");
        }

        /// <summary>The task that asks for this state; its classes are the states.</summary>
        public ScenarioTask Task { get; }

        /// <summary>Mean time in a state.</summary>
        public double DwellSeconds { get; }

        /// <summary>What the slowest sensor needs to show a state.</summary>
        public double HeldSeconds { get; }

        /// <summary>Whether it may change within an episode.</summary>
        public bool IsQuick { get; }
    }
}
