using System;
using System.Collections.Generic;

namespace Fedxr.Editor
{
    /// <summary>What a scene must have to be a headset. The rules that <c>python -m
    /// unity_project.scenes check</c> has for the files are for generated scenes; these are for
    /// any scene that is open.</summary>
    public static class SceneRules
    {
        /// <summary>Everything that is wrong with a scene of these components, inactive ones too.</summary>
        /// <param name="headsets">Its connections.</param>
        /// <param name="sensors">Its sensors.</param>
        /// <param name="actors">Its actors.</param>
        /// <returns>Nothing when all is well; errors first.</returns>
        public static List<Finding> Check(HeadsetConnection[] headsets, Sensor[] sensors, CueActor[] actors)
        {
            var found = new List<Finding>();
            if (headsets.Length != 1)
                found.Add(new Finding(true, headsets.Length == 0 ? null : headsets[1], headsets.Length
                    + " Headset Connections; a scene has one. "
                    + (headsets.Length == 0 ? "Add Component > fedxr > Headset Connection" : "Remove the others")));
            Names(sensors, found);
            foreach (Sensor sensor in sensors)
                found.AddRange(Check(sensor));
            foreach (HeadsetConnection headset in headsets)
            {
                found.AddRange(Check(headset));
                Scenario scenario = ScenarioOf(headset);
                if (scenario == null)
                    continue;
                Senses(scenario, headset.GetComponentsInChildren<Sensor>(true), headset, found);
                Acts(scenario, actors, headset, found);
            }
            found.Sort((a, b) => b.IsError.CompareTo(a.IsError));
            return found;
        }

        /// <summary>What is wrong with a connection by itself.</summary>
        public static List<Finding> Check(HeadsetConnection headset)
        {
            var found = new List<Finding>();
            if (!headset.Url.StartsWith("ws://", StringComparison.Ordinal)
                && !headset.Url.StartsWith("wss://", StringComparison.Ordinal))
                found.Add(new Finding(true, headset, "url '" + headset.Url
                    + "'; an agent is reached at ws://HOST:PORT, or wss://HOST:PORT where it has TLS"));
            try
            {
                if (headset.ScenarioName == null)
                    found.Add(new Finding(true, headset, "neither a scenario file nor a scenario name; "
                        + "drag one from Assets/Scenarios onto Scenario Json"));
                else if (headset.Scenario == null)
                    found.Add(new Finding(false, headset, "no scenario file: panels show class numbers "
                        + "instead of names, and this check cannot say whether all cues are done"));
            }
            catch (FormatException error)
            {
                found.Add(new Finding(true, headset, "the scenario file cannot be read: " + error.Message));
            }
            if (headset.GetComponentsInChildren<Sensor>(true).Length == 0)
                found.Add(new Finding(true, headset, "no sensor on its object or below: the agent would have "
                    + "nothing to answer from. Add Component > fedxr"));
            return found;
        }

        /// <summary>What is wrong with a sensor by itself.</summary>
        public static List<Finding> Check(Sensor sensor)
        {
            var found = new List<Finding>();
            try
            {
                sensor.Offer();
            }
            catch (ArgumentException error)
            {
                found.Add(new Finding(true, sensor, error.Message));
            }
            if (sensor.GetComponentInParent<HeadsetConnection>() == null)
                found.Add(new Finding(true, sensor, "sensor " + sensor.ChannelName + " is not on the Headset "
                    + "Connection's object nor below it: it would not be sent"));
            return found;
        }

        static void Names(Sensor[] sensors, List<Finding> found)
        {
            var names = new HashSet<string>();
            foreach (Sensor sensor in sensors)
                if (!names.Add(sensor.ChannelName))
                    found.Add(new Finding(true, sensor, "two sensors are called '" + sensor.ChannelName
                        + "'; give each channel a name of its own"));
        }

        /// <summary>A task that no sensor can answer is left out by the agent.</summary>
        static void Senses(Scenario scenario, Sensor[] sensors, HeadsetConnection headset, List<Finding> found)
        {
            var modalities = new HashSet<string>();
            foreach (Sensor sensor in sensors)
                modalities.Add((sensor.Layout ?? "").Split('/')[0]);
            foreach (Course course in scenario.Courses)
                if (!modalities.Overlaps(course.Task.Modalities))
                    found.Add(new Finding(false, headset, "task " + course.Task.Name + " needs one of "
                        + string.Join(", ", new List<string>(course.Task.Modalities).ToArray())
                        + "; no sensor has it, so it will not be answered"));
        }

        static void Acts(Scenario scenario, CueActor[] actors, HeadsetConnection headset, List<Finding> found)
        {
            var asked = new Dictionary<string, string>(); // act: task
            foreach (Course course in scenario.Courses)
                foreach (string label in course.Task.Classes)
                    if (course.Task.ActOf(label) != null)
                        asked[course.Task.ActOf(label)] = course.Task.Name;
            foreach (CueActor actor in actors)
            {
                if (actor.Acts.Length == 0)
                    found.Add(new Finding(false, actor, "does no act: fill in Acts"));
                foreach (string act in actor.Acts)
                    asked.Remove(act);
            }
            foreach (KeyValuePair<string, string> act in asked)
                found.Add(new Finding(false, headset, "nobody does '" + act.Key + "', which task " + act.Value
                    + " asks for: its cues would not show. Add a component that does it, or your own Cue Actor"));
        }

        static Scenario ScenarioOf(HeadsetConnection headset)
        {
            try
            {
                return headset.Scenario;
            }
            catch (FormatException) // reported by Check
            {
                return null;
            }
        }
    }
}
