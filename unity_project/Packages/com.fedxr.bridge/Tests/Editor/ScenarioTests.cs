using System;
using System.Collections.Generic;
using NUnit.Framework;

namespace Fedxr.Tests
{
    /// <summary>What is read of a scenario file, and what is said of a wrong one.</summary>
    public class ScenarioTests
    {
        const string Small = @"{""version"": 1, ""use_case"": ""companion"",
            ""tasks"": [{""name"": ""mood"", ""classes"": [""calm"", ""happy""],
                ""modalities"": [""audio""], ""deadline_ms"": 500.0}],
            ""cues"": {""mood"": {""classes"": {""happy"": {""act"": ""tone"",
                ""payload"": {""manner"": ""playful""}}}}},
            ""world"": {""episode_s"": 4, ""courses"": [{""task"": ""mood"", ""classes"": 2,
                ""dwell_s"": 8.0, ""held_s"": 1.5, ""quick"": true}]},
            ""person"": {""voice"": {""rate_hz"": 8000.0, ""tones"": [{""pitch"": -1.5e0}]}}}";

        static string Wrong(string found)
        {
            try
            {
                Scenario.Parse(found);
            }
            catch (FormatException error)
            {
                return error.Message;
            }
            return "nothing was said";
        }

        [Test]
        public void ItSaysWhatCanBeAskedAndWhatFollows()
        {
            Scenario read = Scenario.Parse(Small);
            Assert.AreEqual("companion", read.UseCase);
            ScenarioTask mood = read.Task("mood");
            Assert.AreEqual(new[] { "calm", "happy" }, mood.Classes);
            Assert.AreEqual("tone", mood.ActOf("happy"));
            Assert.AreEqual("playful", mood.PayloadOf("happy")["manner"]);
            Assert.IsNull(mood.ActOf("calm"));
            Assert.IsNull(read.Task("doing"));
        }

        [Test]
        public void ItSaysHowStatesMoveAndShow()
        {
            Scenario read = Scenario.Parse(Small);
            Assert.AreEqual(4, read.EpisodeSeconds);
            Assert.AreEqual(1.5, read.Courses[0].HeldSeconds);
            Assert.IsTrue(read.Courses[0].IsQuick);
            Assert.AreSame(read.Task("mood"), read.Courses[0].Task);
            Assert.AreEqual(-1.5, read.Simulated("voice").Maps("tones")[0].Number("pitch"));
        }

        [Test]
        public void WhatIsMissingIsNamed()
        {
            StringAssert.Contains("number due at /world/episode_s", Wrong(Small.Replace("episode_s", "length")));
            StringAssert.Contains("text due at /tasks/0/name", Wrong(Small.Replace(@"""mood"", ""cl", @"7, ""cl")));
            StringAssert.Contains("this package reads 1", Wrong(Small.Replace(@"version"": 1", @"version"": 2")));
        }

        [Test]
        public void ASensorThatIsNotSimulatedIsNamed()
        {
            var error = Assert.Throws<FormatException>(() => Scenario.Parse(Small).Simulated("eeg"));
            StringAssert.Contains("simulates no eeg; it has voice", error.Message);
        }

        [Test]
        public void WhatIsNoJsonIsSaidWithItsPlace()
        {
            StringAssert.Contains("line 2", Wrong("{\n\"version\" 1}"));
            StringAssert.Contains("ends too early", Wrong("{\"a\": [1, 2"));
            StringAssert.Contains("after the end", Wrong("{} {}"));
            StringAssert.Contains("a map is due", Wrong("[1]"));
        }

        [Test]
        public void JsonIsReadAsItIsMeant()
        {
            var map = (Dictionary<string, object>)Json.Parse(
                "{\"t\": \"\\u00d6l \\\"\\n\", \"l\": [true, null, -2.5e3], \"m\": {}}");
            Assert.AreEqual("Öl \"\n", map["t"]);
            Assert.AreEqual(new object[] { true, null, -2500.0 }, map["l"]);
            Assert.IsEmpty((Dictionary<string, object>)map["m"]);
        }
    }
}
