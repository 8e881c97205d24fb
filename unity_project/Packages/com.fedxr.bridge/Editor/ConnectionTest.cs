using System;
using System.Collections.Generic;
using System.IO;

namespace Fedxr.Editor
{
    /// <summary>Knocks at an agent and says in words what came of it. Needs no editor.</summary>
    public sealed class ConnectionTest : IDisposable
    {
        const long PatienceUs = 6000000;
        const long QuietUs = 20000000; // nothing tried yet: the first time a key is made

        readonly BridgeClient client;
        readonly long begunUs;

        /// <summary>Begin to knock.</summary>
        /// <param name="url">Where the agent listens.</param>
        /// <param name="token">What it wants to see; null or empty: nothing.</param>
        /// <param name="certificate">SHA-256 of a wss server's own certificate; null or empty: none.</param>
        /// <param name="scenario">The use case.</param>
        /// <param name="channels">What would be sent.</param>
        /// <exception cref="ArgumentException">One of them is not allowed; the message says what is.</exception>
        public ConnectionTest(string url, string token, string certificate, string scenario,
            IEnumerable<Channel> channels)
        {
            var options = new HeadsetOptions
            {
                Url = url,
                Token = string.IsNullOrEmpty(token) ? null : token,
                CertificateSha256 = certificate,
                User = "connection-test",
                Keys = new KeyFolder(Path.Combine(Environment.GetFolderPath(
                    Environment.SpecialFolder.ApplicationData), "fedxr", "keys")),
                MayBeRecorded = false,
                Scenario = scenario,
            };
            options.Device["model"] = "unity-editor";
            options.Channels.AddRange(channels);
            client = new BridgeClient(options);
            begunUs = client.NowUs;
            Text = "knocking at " + url + " …";
            client.Start();
        }

        /// <summary>Whether it is over.</summary>
        public bool Done { get; private set; }

        /// <summary>Whether the agent let us in.</summary>
        public bool Succeeded { get; private set; }

        /// <summary>How it stands, for a person.</summary>
        public string Text { get; private set; }

        /// <summary>Look again; call it until <see cref="Done"/>.</summary>
        public void Look()
        {
            if (Done)
                return;
            Message message;
            while (client.Poll(out message))
            {
            }
            if (client.State == ConnectionState.Open && client.Welcome != null)
                End(true, Welcomed(client.Welcome));
            else if (client.State == ConnectionState.Ended)
                End(false, client.Trouble);
            else if (client.NowUs - begunUs > (client.Trouble.Length > 0 ? PatienceUs : QuietUs))
                End(false, (client.Trouble.Length > 0 ? client.Trouble : "no answer")
                    + ". Start the agent with `fedxr serve`; is the address right, and no firewall between?");
        }

        static string Welcomed(Welcome welcome)
        {
            string text = "Connected. It answers " + string.Join(", ", welcome.Tasks.ToArray()) + ".";
            foreach (KeyValuePair<string, string> refused in welcome.Refused)
                text += "\nChannel " + refused.Key + " is not taken: " + refused.Value;
            return text;
        }

        void End(bool succeeded, string text)
        {
            Succeeded = succeeded;
            Text = text;
            Dispose();
        }

        /// <summary>Stop knocking.</summary>
        public void Dispose()
        {
            if (!Done)
                client.Dispose();
            Done = true;
        }
    }
}
