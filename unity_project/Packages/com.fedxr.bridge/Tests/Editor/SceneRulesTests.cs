using System.Collections.Generic;
using System.Reflection;
using Fedxr.Editor;
using NUnit.Framework;
using UnityEngine;

namespace Fedxr.Tests
{
    /// <summary>What <c>fedxr > Validate scene</c> finds. Runs in the editor (EditMode) and under
    /// Mono with the stub of the engine.</summary>
    public class SceneRulesTests
    {
        const string File = "{\"version\":1,\"use_case\":\"companion\",\"tasks\":[{\"name\":\"doing\",\"classes\":"
            + "[\"sitting\",\"walking\"],\"modalities\":[\"motion\"],\"deadline_ms\":200}],\"cues\":{\"doing\":"
            + "{\"classes\":{\"walking\":{\"act\":\"navigate\",\"payload\":{\"text\":\"here\"}}}}},\"world\":"
            + "{\"episode_s\":10,\"courses\":[{\"task\":\"doing\",\"dwell_s\":3,\"held_s\":1,\"quick\":true}]}}";

        readonly List<GameObject> made = new List<GameObject>();
        HeadsetConnection headset;

        [SetUp]
        public void MakeAGoodScene()
        {
            headset = On<HeadsetConnection>("Headset", null);
            Set(headset, "scenarioJson", new TextAsset(File));
            On<HeadLike>("Head", headset.transform);
            Set(On<Guide>("Guide", null), "acts", new[] { "navigate" });
        }

        [TearDown]
        public void Clear()
        {
            foreach (GameObject one in made)
                Object.DestroyImmediate(one);
            made.Clear();
        }

        [Test]
        public void AGoodSceneIsReady()
        {
            Assert.AreEqual("", Found());
        }

        [Test]
        public void ThereIsExactlyOneConnection()
        {
            HeadsetConnection second = On<HeadsetConnection>("Second", null);
            Set(second, "scenario", "companion");
            StringAssert.Contains("2 Headset Connections; a scene has one", Found());
            List<Finding> none = SceneRules.Check(new HeadsetConnection[0], new Sensor[0], new CueActor[0]);
            StringAssert.Contains("Add Component > fedxr > Headset Connection", none[0].Text);
        }

        [Test]
        public void ChannelsHaveNamesOfTheirOwn()
        {
            On<HeadLike>("Other head", headset.transform);
            StringAssert.Contains("two sensors are called 'head'", Found());
        }

        [Test]
        public void ALayoutMustBeKnown()
        {
            Odd odd = On<Odd>("Odd", headset.transform);
            Set(odd, "channelName", "odd");
            StringAssert.Contains("unknown layout 'motion/haed'; known are ", Found());
        }

        [Test]
        public void ASensorElsewhereWouldNotBeSent()
        {
            HeadLike lost = On<HeadLike>("Lost", null);
            Set(lost, "channelName", "lost");
            StringAssert.Contains("sensor lost is not on the Headset Connection's object nor below it", Found());
        }

        [Test]
        public void ActsNeedActorsAndTasksNeedSensors()
        {
            foreach (GameObject one in made.ToArray())
                if (one.name == "Guide" || one.name == "Head")
                {
                    made.Remove(one);
                    Object.DestroyImmediate(one);
                }
            string found = Found();
            StringAssert.Contains("nobody does 'navigate', which task doing asks for", found);
            StringAssert.Contains("task doing needs one of motion; no sensor has it", found);
            StringAssert.Contains("no sensor on its object or below", found);
        }

        [Test]
        public void TheScenarioFileMustBeThereAndMakeSense()
        {
            Set(headset, "scenarioJson", new TextAsset("{\"version\":7}"));
            StringAssert.Contains("the scenario file cannot be read: ", Found());
            Set(headset, "scenarioJson", null);
            StringAssert.Contains("neither a scenario file nor a scenario name", Found());
            Set(headset, "scenario", "companion");
            StringAssert.Contains("no scenario file: panels show class numbers", Found());
        }

        [Test]
        public void AnAddressMustBeAWebsockets()
        {
            headset.Url = "http://127.0.0.1:8765";
            StringAssert.Contains("url 'http://127.0.0.1:8765'; an agent is reached at ws://HOST:PORT", Found());
        }

        string Found()
        {
            Forget(headset);
            var texts = new List<string>();
            foreach (Finding one in SceneRules.Check(All<HeadsetConnection>(), All<Sensor>(), All<CueActor>()))
                texts.Add(one.Text);
            return string.Join("\n", texts.ToArray());
        }

        static T[] All<T>() where T : Object =>
            Object.FindObjectsByType<T>(FindObjectsInactive.Include, FindObjectsSortMode.InstanceID);

        T On<T>(string name, Transform parent) where T : Component
        {
            var at = new GameObject(name);
            at.transform.SetParent(parent);
            made.Add(at);
            return at.AddComponent<T>();
        }

        /// <summary>As the inspector does it.</summary>
        static void Set(Component on, string field, object value)
        {
            for (System.Type type = on.GetType(); type != null; type = type.BaseType)
            {
                FieldInfo found = type.GetField(field, BindingFlags.Instance | BindingFlags.NonPublic);
                if (found == null)
                    continue;
                found.SetValue(on, value);
                return;
            }
            Assert.Fail("no field " + field);
        }

        static void Forget(HeadsetConnection changed) => typeof(HeadsetConnection)
            .GetMethod("OnValidate", BindingFlags.Instance | BindingFlags.NonPublic).Invoke(changed, null);

        sealed class HeadLike : Sensor
        {
            public HeadLike() : base("head", 72)
            {
            }

            public override string Layout => "motion/head";

            public override bool Sample(long captureUs, FrameBuilder frame) => false;
        }

        sealed class Odd : Sensor
        {
            public Odd() : base("odd", 10)
            {
            }

            public override string Layout => "motion/haed";

            public override bool Sample(long captureUs, FrameBuilder frame) => false;
        }

        sealed class Guide : CueActor
        {
            public override void Act(Cue cue)
            {
            }

            public override void Clear(string task)
            {
            }
        }
    }
}
