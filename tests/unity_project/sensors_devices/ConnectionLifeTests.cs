using System.Collections.Generic;
using System.Reflection;
using NUnit.Framework;
using UnityEngine;
using UnityEngine.Stub;

namespace Fedxr.Tests
{
    /// <summary>A connection, its sensors and its actors that are switched off and on.</summary>
    public class ConnectionLifeTests
    {
        const BindingFlags Hidden = BindingFlags.NonPublic | BindingFlags.Public | BindingFlags.Instance;

        readonly List<string> console = new List<string>();
        HeadsetConnection connection;
        HeadSensor head;
        GazeSensor gaze;
        Actor actor;

        [SetUp]
        public void Build()
        {
            console.Clear();
            Application.logMessageReceived += Note;
            PlayerLoop.Load(() =>
            {
                new GameObject("Eye") { tag = "MainCamera" }.AddComponent<Camera>();
                connection = new GameObject("Rig").AddComponent<HeadsetConnection>();
                connection.Url = "ws://127.0.0.1:9"; // nobody listens
                typeof(HeadsetConnection).GetField("scenario", Hidden).SetValue(connection, "companion");
                head = connection.gameObject.AddComponent<HeadSensor>();
                var below = new GameObject("Gaze");
                below.transform.SetParent(connection.transform);
                below.SetActive(false);
                gaze = below.AddComponent<GazeSensor>();
                actor = new GameObject("Actor").AddComponent<Actor>();
                actor.Acts = new[] { "hint" };
                actor.gameObject.SetActive(false);
            });
            PlayerLoop.Step(0.01);
        }

        [TearDown]
        public void End()
        {
            PlayerLoop.Quit();
            Application.logMessageReceived -= Note;
        }

        void Note(string text, string stack, LogType type) => console.Add(text);

        int Told(string words) => console.FindAll(line => line.Contains(words)).Count;

        [Test]
        public void ASensorSwitchedOnTooLateIsToldOnceAndSentAfterANewConnection()
        {
            CollectionAssert.AreEqual(new Sensor[] { head }, connection.Sensors);
            gaze.gameObject.SetActive(true);
            PlayerLoop.Step(0.01);
            PlayerLoop.Step(0.01);
            Assert.AreEqual(1, Told("sensor " + gaze.ChannelName + " was off when the connection began"));
            connection.enabled = false;
            connection.enabled = true;
            CollectionAssert.AreEquivalent(new Sensor[] { head, gaze }, connection.Sensors);
            PlayerLoop.Step(0.01);
            Assert.AreEqual(1, Told(" was off when the connection began"));
        }

        [Test]
        public void SwitchedOffItEndsAndSwitchedOnItBeginsAnew()
        {
            BridgeClient first = connection.Client;
            connection.enabled = false;
            Assert.AreEqual(ConnectionState.Ended, first.State);
            connection.enabled = true;
            Assert.AreNotSame(first, connection.Client);
            Assert.AreNotEqual(ConnectionState.Ended, connection.Client.State);
            Assert.AreEqual(0, Told("the session has ended"));
        }

        [Test]
        public void AnActorActsOnceItIsActive()
        {
            var cue = new Cue { Kind = "hint", Task = "doing", Payload = new Dictionary<string, object>() };
            connection.Hear(cue);
            Assert.AreEqual(0, actor.Acted);
            actor.gameObject.SetActive(true);
            connection.Hear(cue);
            Assert.AreEqual(1, actor.Acted);
        }

        [Test]
        public void FeedbackIsNotToldToASessionThatNeverSawItsMoment()
        {
            connection.enabled = false; // the one that calls nobody
            BridgeClient client = Offline.Open();
            typeof(HeadsetConnection).GetProperty("Client").SetValue(connection, client, Hidden, null, null, null);
            MethodInfo frame = typeof(HeadsetConnection).GetMethod("LateUpdate", Hidden);
            frame.Invoke(connection, null);
            connection.Hear(new Reply { CaptureUs = 5000000 }, 5000000);
            Assert.IsTrue(connection.Say("emotion", 1));
            Welcome resumed = Offline.Welcome();
            client.Link.TakeUp(resumed, 0);
            Assert.IsTrue(connection.Say("emotion", 1));
            Welcome other = Offline.Welcome();
            other.Session = "another";
            client.Link.TakeUp(other, 0);
            Assert.IsFalse(connection.Say("emotion", 1));
            frame.Invoke(connection, null);
            Assert.IsFalse(connection.Say("emotion", 1));
            connection.Hear(new Reply { CaptureUs = 6000000 }, 6000000);
            Assert.IsTrue(connection.Say("emotion", 1));
        }

        sealed class Actor : CueActor
        {
            internal int Acted;

            public override void Act(Cue cue) => Acted++;

            public override void Clear(string task)
            {
            }
        }
    }
}
