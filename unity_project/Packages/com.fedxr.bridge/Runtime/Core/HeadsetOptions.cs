using System;
using System.Collections.Generic;

namespace Fedxr
{
    /// <summary>Where to connect, who the user is, and what the headset has.</summary>
    public sealed class HeadsetOptions
    {
        /// <summary><c>ws://host:port</c>, or <c>wss://host:port</c> for an encrypted connection.</summary>
        public string Url = "ws://127.0.0.1:8765";

        /// <summary>What the user is called, 1 to 64 characters: a label. Who they are says their key.</summary>
        public string User = "user";

        /// <summary>Where the user's key is kept, by which their agent knows them again; null: nowhere,
        /// and the next run of the program is somebody new. It is made on the first visit.</summary>
        public IKeyStore Keys;

        /// <summary>Whether the server may record what is sent.</summary>
        public bool MayBeRecorded = true;

        /// <summary>The scenario's name: <c>overlays</c>, <c>neuroadaptive</c>, <c>companion</c>,
        /// <c>storytelling</c>, or one of your own.</summary>
        public string Scenario;

        /// <summary>What a server on a network wants to see; null on this machine.</summary>
        public string Token;

        /// <summary>SHA-256 of the one certificate that a <c>wss</c> server may show although the system
        /// does not trust it (that of <c>fedxr serve --lan</c>; the error names it); null or empty for none.</summary>
        public string CertificateSha256;

        /// <summary>The sensor streams, at most 64.</summary>
        public List<Channel> Channels = new List<Channel>();

        /// <summary>The tasks that are to be answered; the welcome says which of them are.</summary>
        public List<string> Tasks = new List<string>();

        /// <summary>The device's profile: texts, numbers and booleans.</summary>
        public Dictionary<string, object> Device = new Dictionary<string, object>();

        /// <summary>How the headset comes back after a lost connection.</summary>
        public Retry Retry = new Retry();

        /// <summary>Bytes that may wait for a slow or lost connection, and again as many that are
        /// kept until the server has them.</summary>
        public int QueueBytes = 4 * 1024 * 1024;

        /// <summary>Seconds that connecting, and then the server's welcome, may take.</summary>
        public double ConnectSeconds = 10;

        internal void Check()
        {
            Uri uri;
            if (!Uri.TryCreate(Url, UriKind.Absolute, out uri)
                || uri.Scheme != "ws" && uri.Scheme != "wss")
                throw new ArgumentException("url '" + Url
                    + "': give it as ws://host:port or wss://host:port, for example ws://127.0.0.1:8765");
            if (!(ConnectSeconds > 0 && Retry.FirstSeconds > 0 && Retry.MostSeconds >= Retry.FirstSeconds)
                || QueueBytes < 1)
                throw new ArgumentException("ConnectSeconds " + ConnectSeconds + ", Retry " + Retry.FirstSeconds
                    + " to " + Retry.MostSeconds + " s, QueueBytes " + QueueBytes
                    + "; each must be more than 0, and MostSeconds not less than FirstSeconds");
            CheckName("user", User);
            CheckName("scenario", Scenario);
            if (Channels.Count > 64 || Tasks.Count > 64)
                throw new ArgumentException(Channels.Count + " channels and " + Tasks.Count
                    + " tasks; allowed are 64 of each");
            foreach (string task in Tasks)
                CheckName("task", task);
            foreach (KeyValuePair<string, object> entry in Device)
                CheckScalar(entry.Key, entry.Value);
        }

        static void CheckScalar(string name, object value)
        {
            CheckName("device entry", name);
            if (!(value is string || value is bool || value is int || value is long || value is float
                || value is double))
                throw new ArgumentException("device entry " + name + " is " + (value ?? "null")
                    + "; allowed are a text, a number, true and false");
        }

        static void CheckName(string what, string name)
        {
            if (string.IsNullOrEmpty(name) || name.Length > 64)
                throw new ArgumentException(what + " '" + name + "': give it 1 to 64 characters");
        }
    }

    /// <summary>How a headset comes back: it waits <see cref="FirstSeconds"/>, then twice as long after
    /// each attempt, each wait cut by chance to between half and the whole, so that many headsets do
    /// not return in one instant.</summary>
    public sealed class Retry
    {
        /// <summary>Seconds before the first attempt.</summary>
        public double FirstSeconds = 0.25;

        /// <summary>Seconds that no wait is longer than.</summary>
        public double MostSeconds = 10;

        /// <summary>Seconds without a connection after which the client ends.</summary>
        public double GiveUpSeconds = 600;
    }
}
