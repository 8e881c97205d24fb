using System;
using System.Collections.Generic;
using NUnit.Framework;

namespace Fedxr
{
    using Map = Dictionary<string, object>;

    public class FrameBuilderTests
    {
        static readonly float[] Values = new float[64];
        BridgeClient client;
        ChannelHandle gaze;
        ChannelHandle mic;

        [SetUp]
        public void Open()
        {
            client = Offline.Open(new Channel("gaze", "gaze/point2", 72), new Channel("mic", "audio/pcm16", 16000));
            gaze = client.Find("gaze");
            mic = client.Find("mic");
        }

        [Test]
        public void OneSampleHasItsTimeAndNoPeriod()
        {
            client.Frame.Begin(1000);
            // 100 + round(3 * 62.5) = 287.5, half to even: 288.
            Assert.IsTrue(client.Frame.Add(gaze, Values, 0, 2, 1, 100, 62.5, 3));
            Map block = Sent();
            Assert.AreEqual(288L, block["t0_us"]);
            Assert.IsFalse(block.ContainsKey("period_us"));
            Assert.IsFalse(block.ContainsKey("first"));
        }

        [Test]
        public void ASteadyStreamCountsOnFromItsBase()
        {
            client.Frame.Begin(50000);
            Assert.IsTrue(client.Frame.Add(mic, new short[320], 0, 320, 320, 100, 62.5, 320));
            Map block = Sent();
            Assert.AreEqual(100L, block["t0_us"]);
            Assert.AreEqual(62.5, block["period_us"]);
            Assert.AreEqual(320.0, block["first"]);
            Assert.AreEqual(640, ((byte[])block["data"]).Length);
            // The last one was at 100 + 639 * 62.5 = 40037.5: the next may not start before.
            client.Frame.Begin(60000);
            StringAssert.Contains("before 40038 us", Wrong(() =>
                client.Frame.Add(mic, new short[320], 0, 320, 320, 100, 62.5, 600)));
        }

        [Test]
        public void WhatDoesNotFitIsSaidWhereItIsMade()
        {
            StringAssert.Contains("Begin a frame", Assert.Throws<InvalidOperationException>(() =>
                client.Frame.Add(gaze, Values, 0, 2, 1, 5)).Message);
            client.Frame.Begin(1000);
            StringAssert.Contains("12 bytes for 1 samples; gaze/point2 has 8", Wrong(() =>
                client.Frame.Add(gaze, Values, 0, 3, 1, 5)));
            StringAssert.Contains("values are i2; gaze/point2 is f4", Wrong(() =>
                client.Frame.Add(gaze, new short[4], 0, 4, 1, 5)));
            StringAssert.Contains("of an array of 256", Wrong(() => client.Frame.Add(gaze, Values, 63, 2, 1, 5)));
            StringAssert.Contains("give several samples a period", Wrong(() =>
                client.Frame.Add(gaze, Values, 0, 4, 2, 5)));
            StringAssert.Contains("lies after the frame's capture time 1000", Wrong(() =>
                client.Frame.Add(gaze, Values, 0, 2, 1, 1001)));
            StringAssert.Contains("is no picture", Wrong(() =>
                client.Frame.AddPicture(gaze, PictureEncoding.Raw, new byte[4], 0, 4, 2, 2, 5)));
            StringAssert.Contains("offered are gaze, mic", Wrong(() =>
                client.Frame.Add("gase", new byte[8], 0, 8, 1, 5)));
            client.Frame.Add(gaze, Values, 0, 2, 1, 5);
            StringAssert.Contains("added twice", Wrong(() => client.Frame.Add(gaze, Values, 0, 2, 1, 5)));
            client.Frame.Send();
            StringAssert.Contains("before the last frame's 1000", Wrong(() => client.Frame.Begin(999)));
        }

        [Test]
        public void ANanIsLeftOutAndToldOnce()
        {
            Message message;
            for (long t = 1; t <= 3; t++)
            {
                client.Frame.Begin(t);
                Assert.IsFalse(client.Frame.Add(gaze, new[] { 0.5f, float.NaN }, 0, 2, 1, t));
                Assert.IsFalse(client.Frame.Add(gaze, new byte[] { 0, 0, 0x80, 0xff, 0, 0, 0, 0 }, 0, 8, 1, t));
                client.Frame.Send();
            }
            Assert.IsTrue(client.Poll(out message));
            Assert.AreEqual("not-finite", ((Notice)message).Code);
            Assert.AreEqual(6, gaze.NotFinite);
            Assert.IsFalse(client.Poll(out message));
            client.Frame.Begin(4);
            Assert.IsTrue(client.Frame.Add(gaze, new[] { float.MaxValue, -1f }, 0, 2, 1, 4));
            Assert.IsTrue(client.Frame.Add(mic, new short[] { short.MinValue }, 0, 1, 1, 4));
        }

        [Test]
        public void AFrameThatTheServerWouldRefuseForItsSizeIsNotMade()
        {
            client = Offline.Open(new Channel("cloud", "spatial/points", 0));
            client.Frame.Begin(5);
            StringAssert.Contains("the server takes 4194304", Wrong(() =>
                client.Frame.AddPoints(client.Find("cloud"), new float[3 * 400000], 400000, 5)));
            Assert.IsTrue(client.Frame.AddPoints(client.Find("cloud"), new float[3 * 300000], 300000, 5));
        }

        [Test]
        public void AnEpisodeBeginsWhenToldAndAfterALongPause()
        {
            var episodes = new List<string>();
            foreach (long t in new[] { 10L, 20L, 30L, 40000030L, 40000040L })
            {
                if (t == 30)
                    client.NewEpisode();
                client.Frame.Begin(t);
                // A new episode's samples may start before the last one's.
                Assert.IsTrue(client.Frame.Add(gaze, Values, 0, 2, 1, t == 30 ? 5 : t));
                client.Frame.Send();
                Map frame = Offline.Take(client);
                object episode;
                frame.TryGetValue("episode", out episode);
                episodes.Add((episode ?? 0L) + "@" + frame["episode_start_us"]);
            }
            CollectionAssert.AreEqual(new[] { "0@10", "0@10", "1@30", "2@40000030", "2@40000030" }, episodes);
        }

        [Test]
        public void BeforeTheWelcomeNothingIsSent()
        {
            var options = new HeadsetOptions { Scenario = "overlays" };
            options.Channels.Add(new Channel("gaze", "gaze/point2", 72));
            client = new BridgeClient(options);
            client.Frame.Begin(1);
            Assert.IsFalse(client.Frame.Add(client.Find("gaze"), Values, 0, 2, 1, 1));
            Assert.IsFalse(client.Frame.Send());
            Assert.Throws<InvalidOperationException>(() => client.SendFeedback("emotion", 1, 1));
        }

        static string Wrong(TestDelegate what) => Assert.Throws<ArgumentException>(what).Message;

        Map Sent()
        {
            Assert.IsTrue(client.Frame.Send());
            return (Map)((List<object>)Offline.Take(client)["blocks"])[0];
        }
    }
}
