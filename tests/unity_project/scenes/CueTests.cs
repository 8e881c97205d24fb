using System;
using System.Collections.Generic;
using System.Linq;
using NUnit.Framework;
using UnityEngine;
using UnityEngine.Stub;

namespace Fedxr.Tests
{
    /// <summary>Every cue of each scenario changes what one sees or hears, and clear takes it back.</summary>
    [TestFixture]
    public sealed class CueTests
    {
        const double Before = 1, During = 2, After = 12; // seconds

        // an app that was opened stays open: a command is done once, its clear ends its glow
        const string Kept = "Launcher/";

        [TestCase("Overlays")]
        [TestCase("Neuroadaptive")]
        [TestCase("Companion")]
        [TestCase("Storytelling")]
        public void EveryCueIsSeenAndTakenBack(string name)
        {
            var wrong = new List<string>();
            Dictionary<string, object> during, after;
            List<string[]> cues;
            using (var control = new PlayedScene(name))
            {
                control.Play(Before + During);
                during = control.Look();
                after = StillUntil(After, control);
                cues = CuesOf(control.Connection.Scenario);
            }
            foreach (string[] cue in cues)
                wrong.AddRange(Wrong(name, cue[0], cue[1], during, after));
            Assert.That(wrong, Is.Empty, string.Join("\n", wrong));
            Assert.That(cues.Count, Is.AtLeast(5));
        }

        [Test]
        public void ABranchThatIsNotTakenBackIsTaken()
        {
            using (var scene = new PlayedScene("Storytelling"))
            {
                scene.Hand("branch", "engagement", new Dictionary<string, object> { { "to", "surprise" } });
                scene.Play(Telling.ReadFirst + 0.5);
                Assert.That(scene.Look().ContainsKey("Props/bell/Bell colour"));
                StringAssert.StartsWith("A bell rings", (string)scene.Look()["Book/Page text"]);
            }
        }

        [Test]
        public void TheCompanionComesNearAndOffers()
        {
            using (var scene = new PlayedScene("Companion"))
            {
                scene.Hand("suggest", "doing", new Dictionary<string, object> { { "text", "name what is in reach" } });
                scene.Play(4);
                StringAssert.Contains("Shall I", (string)scene.Look()["Companion/Tag/Board text"]);
                Assert.That(scene.Look()["Companion/Tag/Board/Option Y text"], Is.EqualTo("[Y] Yes"));
                Hands.Press(KeyCode.Y);
                scene.Play(0.1);
                Hands.Release(KeyCode.Y);
                StringAssert.DoesNotContain("Shall I", (string)scene.Look()["Companion/Tag/Board text"]);
                Assert.That(scene.Look().ContainsKey("Companion/Tag/Board/Option Y text"), Is.False);
            }
        }

        [TestCase("Overlays", "digit_spoken", "7", "heard: 7")]
        [TestCase("Storytelling", "occupation", "show where to look", "At the foot of the page")]
        public void AHintIsPutIntoWordsForTheUser(string name, string task, string text, string expected)
        {
            using (var scene = new PlayedScene(name))
            {
                scene.Hand("hint", task, new Dictionary<string, object> { { "text", text } });
                scene.Play(0.1);
                StringAssert.StartsWith(expected, (string)scene.Look()["Caption/Tag/Board text"]);
            }
        }

        [Test]
        public void AWarningStandsOnTheMachineUnderTheProbe()
        {
            using (var scene = new PlayedScene("Overlays"))
            {
                scene.Connection.GetComponent<SimulatedPerson>().SetState("warning", 0);
                scene.Play(0.1);
                scene.Hand("warning", "fault", new Dictionary<string, object> { { "text", "ball fault" }, { "urgency", 0.8 } });
                scene.Play(0.1);
                StringAssert.Contains("ball fault", (string)scene.Look()["Pump/Tag/Board text"]);
                Assert.That(scene.Look().ContainsKey("Fan/Tag/Board text"), Is.False);
            }
        }

        /// <summary>
        /// What nobody's cue moves either: of things that go on by themselves one cannot tell whether
        /// they have come back. Those stand as "moves".
        /// </summary>
        static Dictionary<string, object> StillUntil(double seconds, PlayedScene control)
        {
            Dictionary<string, object> still = control.Look();
            for (int i = 0; i < seconds; i++)
            {
                control.Play(1);
                Dictionary<string, object> seen = control.Look();
                foreach (string key in still.Keys.Concat(seen.Keys).ToArray())
                    if (!Same(still, seen, key))
                        still[key] = "moves";
            }
            return still;
        }

        /// <summary>Task and class of each cue; of the 70 characters some will do.</summary>
        static List<string[]> CuesOf(Scenario scenario)
        {
            var cues = new List<string[]>();
            foreach (ScenarioTask task in scenario.Tasks)
                foreach (string label in task.Classes.Where(c => task.ActOf(c) != null).Take(14).ToArray())
                    cues.Add(new[] { task.Name, label });
            return cues;
        }

        static IEnumerable<string> Wrong(
            string name, string task, string label,
            Dictionary<string, object> controlDuring, Dictionary<string, object> controlAfter)
        {
            using (var scene = new PlayedScene(name))
            {
                ScenarioTask asked = scene.Connection.Scenario.Task(task);
                string act = asked.ActOf(label), what = act + " (" + task + " = " + label + ")";
                scene.Play(Before);
                scene.Hand(act, task, asked.PayloadOf(label));
                scene.Play(During);
                if (Different(scene.Look(), controlDuring).Count == 0)
                    yield return what + " changes nothing";
                scene.Hand("clear", task, new Dictionary<string, object>());
                scene.Play(After);
                foreach (string left in Different(scene.Look(), controlAfter))
                    if (!left.Contains(Kept))
                        yield return what + " leaves " + left;
            }
        }

        static List<string> Different(Dictionary<string, object> one, Dictionary<string, object> other)
        {
            return one.Keys.Union(other.Keys).Where(key => !Same(one, other, key) && Of(other, key) != "moves")
                .Select(key => key + ": " + Of(one, key) + ", not " + Of(other, key)).ToList();
        }

        /// <summary>Whether a person would call it the same: places within a tenth of a metre.</summary>
        static bool Same(Dictionary<string, object> one, Dictionary<string, object> other, string key)
        {
            object a, b;
            if (!one.TryGetValue(key, out a) || !other.TryGetValue(key, out b))
                return false;
            var first = a as float[];
            var second = b as float[];
            if (first == null || second == null)
                return Equals(a, b);
            return first.Zip(second, (x, y) => Math.Abs(x - y)).Max() < 0.1f;
        }

        static string Of(Dictionary<string, object> seen, string key)
        {
            object value;
            if (!seen.TryGetValue(key, out value))
                return "nothing";
            var numbers = value as float[];
            return numbers == null ? (string)value : string.Join(" ", numbers.Select(x => x.ToString("F2")).ToArray());
        }
    }
}
