using System;
using NUnit.Framework;

namespace Fedxr
{
    public class OptionsTests
    {
        [TestCase("")]
        [TestCase("queue")]
        [TestCase("queue ")]
        [TestCase("queue 0")]
        [TestCase("queue 01")]
        [TestCase("queue -1")]
        [TestCase("queue 100000")]
        [TestCase("newest")]
        [TestCase(null)]
        public void DeliveryIsChecked(string delivery)
        {
            StringAssert.Contains("allowed are 'latest', 'queue N' (1 to 99999) and 'reliable'",
                Wrong(() => new Channel("a", "motion/head", 72, delivery)));
        }

        [Test]
        public void ChannelsAreChecked()
        {
            StringAssert.Contains("1 to 64 characters", Wrong(() => new Channel("", "motion/head", 72)));
            StringAssert.Contains("0 to 200000", Wrong(() => new Channel("a", "motion/head", double.NaN)));
            StringAssert.Contains("known are vision/gray", Wrong(() => new Channel("a", "motion/heat", 72)));
            foreach (string name in new[] { "eeg/", "eeg/oz", "eeg/Oz-", "eeg/TooLong", "eeg", "emg/Oz", null })
                StringAssert.Contains("eeg/<electrodes", Wrong(() => new Channel("a", name, 72)));
            Assert.AreEqual(99999, new Channel("a", "motion/head", 72, "queue 99999").QueueLength);
        }

        [Test]
        public void OptionsAreChecked()
        {
            StringAssert.Contains("ws://host:port", Wrong(() => Open(o => o.Url = "http://127.0.0.1:8765")));
            StringAssert.Contains("ws://host:port", Wrong(() => Open(o => o.Url = "localhost")));
            StringAssert.Contains("must be more than 0", Wrong(() => Open(o => o.ConnectSeconds = 0)));
            StringAssert.Contains("must be more than 0", Wrong(() => Open(o => o.Retry.MostSeconds = 0.1)));
            StringAssert.Contains("user ''", Wrong(() => Open(o => o.User = "")));
            StringAssert.Contains("scenario", Wrong(() => Open(o => o.Scenario = null)));
            StringAssert.Contains("device entry os", Wrong(() => Open(o => o.Device["os"] = new object())));
            StringAssert.Contains("offered twice", Wrong(() => Open(o =>
            {
                o.Channels.Add(new Channel("a", "motion/head", 72));
                o.Channels.Add(new Channel("a", "motion/wrist", 72));
            })));
        }

        [Test]
        public void WaitsGrowDifferByChanceAndHaveAnEnd()
        {
            var waits = new Waits(new Retry { FirstSeconds = 1, MostSeconds = 8 });
            foreach (double whole in new[] { 1.0, 2.0, 4.0, 8.0, 8.0 })
                Assert.That(waits.Next(), Is.InRange(whole / 2, whole));
            waits.Restart();
            Assert.That(waits.Next(), Is.LessThanOrEqualTo(1.0));
            Assert.AreNotEqual(new Waits(new Retry()).Next(), new Waits(new Retry()).Next());
        }

        static void Open(Action<HeadsetOptions> change)
        {
            var options = new HeadsetOptions { Scenario = "overlays" };
            change(options);
            new BridgeClient(options).Dispose();
        }

        static string Wrong(TestDelegate what) => Assert.Throws<ArgumentException>(what).Message;
    }
}
