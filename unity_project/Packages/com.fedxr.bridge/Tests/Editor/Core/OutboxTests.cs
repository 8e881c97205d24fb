using System.Collections.Generic;
using NUnit.Framework;

namespace Fedxr
{
    using Map = Dictionary<string, object>;

    /// <summary>What happens to frames that wait: nothing takes them out until the test does.</summary>
    public class OutboxTests
    {
        static readonly Channel Latest = new Channel("eye", "gaze/point2", 72, "latest");
        static readonly Channel Queue3 = new Channel("head", "motion/head", 72, "queue 3");
        static readonly Channel Sure = new Channel("sure", "gaze/point2", 72, "reliable");

        [Test]
        public void OfALatestChannelTheNewestWaits()
        {
            BridgeClient client = Offline.Open(Latest);
            Send(client, 1, 5);
            CollectionAssert.AreEqual(new[] { "5:eye" }, Waiting(client));
            Assert.AreEqual(4, client.Find("eye").Dropped);
            Assert.AreEqual(4, client.Stats.FramesDropped);
            Assert.AreEqual(1, client.Stats.FramesSent);
        }

        [Test]
        public void OfAQueueTheNewestNWaitAndFramesAreThinnedChannelByChannel()
        {
            BridgeClient client = Offline.Open(Latest, Queue3, Sure);
            Send(client, 1, 5);
            CollectionAssert.AreEqual(
                new[] { "1:sure", "2:sure", "3:head,sure", "4:head,sure", "5:eye,head,sure" }, Waiting(client));
            Assert.AreEqual(4, client.Find("eye").Dropped);
            Assert.AreEqual(2, client.Find("head").Dropped);
            Assert.AreEqual(0, client.Find("sure").Dropped);
            Assert.AreEqual(6, client.Stats.BlocksDropped);
        }

        [Test]
        public void EmptyFramesDoNotPileUp()
        {
            BridgeClient client = Offline.Open();
            Send(client, 1, 1000);
            CollectionAssert.AreEqual(new[] { "1000:" }, Waiting(client));
            Assert.AreEqual(999, client.Stats.FramesDropped);
        }

        [Test]
        public void BeyondTheByteBoundTheOldestBlockOfAnyChannelGoes()
        {
            var options = new HeadsetOptions { Scenario = "overlays", QueueBytes = 2000 };
            BridgeClient client = Offline.Open(options, new Channel("a", "motion/head", 72, "queue 999"),
                new Channel("b", "face/arkit52", 72, "queue 999"));
            Send(client, 1, 50);
            List<string> waiting = Waiting(client);
            Assert.AreEqual("50:a,b", waiting[waiting.Count - 1]);
            // 256 a frame, 28 + 12 and 208 + 13 bytes a block: three whole frames and part of a fourth.
            Assert.That(waiting.Count, Is.InRange(3, 4));
            Assert.That(client.Find("a").Dropped - client.Find("b").Dropped, Is.InRange(-1L, 1L));
        }

        [Test]
        public void WhatIsPromisedIsSentAgainUntilItIsAcknowledged()
        {
            BridgeClient client = Offline.Open(Latest, Sure);
            Send(client, 1, 1);
            Assert.IsTrue(client.SendFeedback("emotion", 1, 2));
            Send(client, 2, 2);
            Assert.AreEqual(3, client.Stats.Unacknowledged);
            CollectionAssert.AreEqual(new[] { "1:sure", "2:feedback", "3:eye,sure" }, Waiting(client));
            Assert.AreEqual(3, client.Stats.Unacknowledged);
            client.Outbox.Acknowledge(1);
            Send(client, 4, 4);
            client.Outbox.SendAgain();
            // The eye's block was sent and nobody promised it; the numbers stay.
            CollectionAssert.AreEqual(new[] { "2:feedback", "3:sure", "4:eye,sure" }, Waiting(client));
            Assert.AreEqual(3, client.Stats.FramesSent);
            client.Outbox.Acknowledge(4);
            Assert.AreEqual(0, client.Stats.Unacknowledged);
            client.Outbox.SendAgain();
            CollectionAssert.IsEmpty(Waiting(client));
        }

        [Test]
        public void AFullQueueTakesNoMorePromises()
        {
            var options = new HeadsetOptions { Scenario = "overlays", QueueBytes = 1000 };
            BridgeClient client = Offline.Open(options, Sure);
            int taken = Send(client, 1, 100);
            Assert.That(taken, Is.InRange(3, 5));
            Assert.IsFalse(client.SendFeedback("emotion", 1, 1));
            Waiting(client);
            client.Outbox.Acknowledge(100);
            Assert.AreEqual(1, Send(client, 101, 101));
            Assert.IsTrue(client.SendFeedback("emotion", 1, 1));
        }

        [Test]
        public void AChannelThatALaterServerRefusesIsDroppedAndCounted()
        {
            BridgeClient client = Offline.Open(Latest, Sure);
            Send(client, 1, 2);
            Welcome other = Offline.Welcome(Latest);
            other.Refused["sure"] = "not here";
            client.Link.TakeUp(other, 0);
            CollectionAssert.AreEqual(new[] { "1:", "2:eye" }, Waiting(client));
            Assert.AreEqual(2, client.Find("sure").Dropped);
            Assert.AreEqual("not here", client.Find("sure").Refusal);
            Assert.AreEqual(0, client.Stats.Unacknowledged);
            Assert.AreEqual(0, Send(client, 3, 3, "sure"));
        }

        [Test]
        public void ALaterServersNumbersAreUsed()
        {
            BridgeClient client = Offline.Open(Latest, Queue3);
            Send(client, 1, 1);
            client.Link.TakeUp(Offline.Welcome(Queue3, Latest), 0);
            var blocks = (List<object>)Offline.Take(client)["blocks"];
            Assert.AreEqual(2L, ((Map)blocks[0])["channel"]);
            Assert.AreEqual(1L, ((Map)blocks[1])["channel"]);
        }

        /// <summary>Frames captured from first to last with every channel, or the one named; returns how
        /// many blocks of the last channel were taken.</summary>
        static int Send(BridgeClient client, long first, long last, string only = null)
        {
            var values = new float[64];
            int taken = 0;
            for (long t = first; t <= last; t++)
            {
                client.Frame.Begin(t);
                foreach (string name in new[] { "eye", "head", "sure", "a", "b" })
                {
                    if (!client.Welcome.Channels.ContainsKey(name) && name != only)
                        continue;
                    ChannelHandle channel = client.Find(name);
                    bool added = client.Frame.Add(channel, values, 0, channel.Channel.Layout.SampleBytes / 4, 1, t);
                    taken += added && channel.Channel.IsReliable ? 1 : 0;
                }
                Assert.IsTrue(client.Frame.Send());
            }
            return taken;
        }

        /// <summary>All that goes out now: its number and its channels.</summary>
        static List<string> Waiting(BridgeClient client)
        {
            var found = new List<string>();
            Map message;
            while ((message = Offline.Take(client)) != null)
            {
                var names = new List<string>();
                if ((string)message["type"] == "feedback")
                    names.Add("feedback");
                else
                    foreach (Map block in (List<object>)message["blocks"])
                        foreach (KeyValuePair<string, int> channel in client.Welcome.Channels)
                            if (channel.Value == (long)block["channel"])
                                names.Add(channel.Key);
                found.Add(message["seq"] + ":" + string.Join(",", names.ToArray()));
            }
            return found;
        }
    }
}
