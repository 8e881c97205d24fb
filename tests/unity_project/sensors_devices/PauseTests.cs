using System.Collections.Generic;
using System.Reflection;
using System.Threading;
using NUnit.Framework;
using UnityEngine;

namespace Fedxr.Tests
{
    /// <summary>An application that is put aside and taken up again.</summary>
    public class PauseTests
    {
        const BindingFlags Hidden = BindingFlags.NonPublic | BindingFlags.Public | BindingFlags.Instance;

        static long EpisodeAfter(int pauseMs)
        {
            var connection = new GameObject("Rig").AddComponent<HeadsetConnection>();
            BridgeClient client = Offline.Open(new Channel("head", "motion/head", 72));
            typeof(HeadsetConnection).GetProperty("Client").SetValue(connection, client, Hidden, null, null, null);
            MethodInfo pause = typeof(HeadsetConnection).GetMethod("OnApplicationPause", Hidden);
            Send(client);
            pause.Invoke(connection, new object[] { true });
            Thread.Sleep(pauseMs);
            pause.Invoke(connection, new object[] { false });
            Dictionary<string, object> sent = Send(client);
            object episode;
            return sent.TryGetValue("episode", out episode) ? (long)episode : 0;
        }

        static Dictionary<string, object> Send(BridgeClient client)
        {
            long now = client.NowUs;
            client.Frame.Begin(now);
            client.Frame.Add("head", new byte[28], 0, 28, 1, now);
            client.Frame.Send();
            return Offline.Take(client);
        }

        [Test]
        public void AShortPauseGoesOn()
        {
            Assert.AreEqual(0, EpisodeAfter(50));
        }

        [Test]
        public void AfterALongPauseContextStartsAnew()
        {
            Assert.AreEqual(1, EpisodeAfter(2100));
        }
    }
}
