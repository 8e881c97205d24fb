using System.Collections.Generic;
using NUnit.Framework;
using UnityEngine;

namespace Fedxr.Tests
{
    /// <summary>The parts of a connection that need no server.</summary>
    public class ConnectionTests
    {
        sealed class Actor : CueActor
        {
            internal readonly List<string> Did = new List<string>();

            public override void Act(Cue cue) => Did.Add(cue.Task + " " + cue.Kind);

            public override void Clear(string task) => Did.Add(task + " cleared");
        }

        sealed class Ticker : Sensor
        {
            public Ticker() : base("ticker", 72)
            {
            }

            public override string Layout => "motion/head";

            public override bool Sample(long captureUs, FrameBuilder frame) => IsDue(captureUs);
        }

        GameObject holder;

        [SetUp]
        public void Make()
        {
            holder = new GameObject("Holder");
        }

        [TearDown]
        public void Destroy()
        {
            Object.DestroyImmediate(holder);
        }

        Actor Who(params string[] acts)
        {
            Actor actor = holder.AddComponent<Actor>();
            actor.Acts = acts;
            return actor;
        }

        static Cue Of(string task, string kind) => new Cue { Task = task, Kind = kind };

        [Test]
        public void ACueGoesToThoseWhoDoIt()
        {
            Actor hints = Who("hint"), both = Who("hint", "tone");
            var dispatch = new CueDispatch();
            dispatch.AddRange(new CueActor[] { hints, both });
            dispatch.Hand(Of("mood", "tone"));
            Assert.IsEmpty(hints.Did);
            Assert.AreEqual(new[] { "mood tone" }, both.Did);
        }

        [Test]
        public void ClearTakesBackWhatTheTaskBegan()
        {
            Actor hints = Who("hint"), tones = Who("tone");
            var dispatch = new CueDispatch();
            dispatch.AddRange(new CueActor[] { hints, tones });
            dispatch.Hand(Of("mood", "tone"));
            dispatch.Hand(Of("doing", "hint"));
            dispatch.Hand(Of("mood", "clear"));
            dispatch.Hand(Of("mood", "clear"));
            Assert.AreEqual(new[] { "mood tone", "mood cleared" }, tones.Did);
            Assert.AreEqual(new[] { "doing hint" }, hints.Did);
        }

        [Test]
        public void AnotherActOfTheTaskTakesTheFirstBack()
        {
            // a machine that was worn is failing: the agent says warning, without a clear before it
            Actor hints = Who("hint"), warnings = Who("warning");
            var dispatch = new CueDispatch();
            dispatch.AddRange(new CueActor[] { hints, warnings });
            dispatch.Hand(Of("warning", "hint"));
            dispatch.Hand(Of("warning", "warning"));
            Assert.AreEqual(new[] { "warning hint", "warning cleared" }, hints.Did);
            Assert.AreEqual(new[] { "warning warning" }, warnings.Did);
        }

        sealed class Clumsy : CueActor
        {
            public override void Act(Cue cue)
            {
                throw new System.InvalidOperationException("clumsy");
            }

            public override void Clear(string task)
            {
            }
        }

        [Test]
        public void AnActorsMistakeCostsTheOthersNothing()
        {
            UnityEngine.TestTools.LogAssert.Expect(LogType.Exception, "InvalidOperationException: clumsy");
            Clumsy clumsy = holder.AddComponent<Clumsy>();
            clumsy.Acts = new[] { "hint" };
            Actor other = Who("hint");
            var dispatch = new CueDispatch();
            dispatch.AddRange(new CueActor[] { clumsy, other });
            dispatch.Hand(Of("mood", "hint"));
            Assert.AreEqual(new[] { "mood hint" }, other.Did);
        }

        [Test]
        public void ASensorKeepsItsRateWhateverTheFrames()
        {
            Ticker sensor = holder.AddComponent<Ticker>();
            Assert.AreEqual(720, Samples(sensor, 1000000, 90, 900), 2);
        }

        [Test]
        public void SlowFramesGiveOneSampleEach()
        {
            Ticker sensor = holder.AddComponent<Ticker>();
            Assert.AreEqual(300, Samples(sensor, 1000000, 30, 300));
        }

        [Test]
        public void AStallIsNotMadeUpFor()
        {
            Ticker sensor = holder.AddComponent<Ticker>();
            Samples(sensor, 1000000, 90, 90);
            Assert.AreEqual(72, Samples(sensor, 60000000, 90, 90), 2);
        }

        static int Samples(Sensor sensor, long fromUs, int framesPerSecond, int frames)
        {
            int n = 0;
            for (int i = 0; i < frames; i++)
                n += sensor.Sample(fromUs + i * 1000000L / framesPerSecond, null) ? 1 : 0;
            return n;
        }

        [Test]
        public void LatencyIsOfTheLastSeconds()
        {
            var latency = new LatencyMeter(10);
            Assert.AreEqual(0, latency.P50);
            latency.Add(0, 900000); // 900 ms, but long ago
            for (int i = 1; i <= 100; i++)
                latency.Add(20000000, 20000000 + 1000 * i);
            Assert.AreEqual(100, latency.Count);
            Assert.AreEqual(50, latency.P50);
            Assert.AreEqual(99, latency.P99);
        }
    }
}
