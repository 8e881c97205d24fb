using System;
using System.Collections.Generic;
using System.Linq;
using UnityEngine;

namespace Fedxr.Player
{
    /// <summary>What happened while a scene was played: the connection's side of it, and the log's.</summary>
    public sealed class Journal
    {
        readonly List<double> latenciesMs = new List<double>();
        readonly List<string> errors = new List<string>();
        readonly SortedDictionary<string, long> told = new SortedDictionary<string, long>();
        readonly Watch watch = new Watch();
        HeadsetConnection connection;
        long replies, newestSeq, connected;
        double now, opened;

        public Journal()
        {
            Application.logMessageReceived += (text, trace, type) =>
            {
                if (type == LogType.Exception || type == LogType.Error)
                    errors.Add($"{text}\n{trace}".Trim());
            };
        }

        /// <summary>Whether the session has been open.</summary>
        public bool Connected => connected > 0;

        /// <summary>Seconds since then.</summary>
        public double Played => Connected ? now - opened : 0;

        /// <summary>Whether there is nothing to wait for: no session, or none any more.</summary>
        public bool Over { get; private set; }

        /// <summary>Hear what the scene's connection hears.</summary>
        public void Listen(HeadsetConnection connection)
        {
            this.connection = connection;
            connection.ReplyArrived += Hear;
            connection.CueArrived += cue => watch.Note(cue, now);
            connection.NoticeArrived += notice =>
            {
                foreach (KeyValuePair<string, long> one in notice.Counts)
                    Count(notice.Code + " " + one.Key, one.Value);
                Count(notice.Code, 1);
            };
        }

        void Hear(Reply reply)
        {
            replies++;
            newestSeq = reply.Seq;
            latenciesMs.Add((connection.Client.NowUs - reply.CaptureUs) / 1000.0);
        }

        void Count(string what, long more)
        {
            told.TryGetValue(what, out long before);
            told[what] = before + more;
        }

        /// <summary>A frame is over.</summary>
        public void Look(double seconds)
        {
            watch.Look(seconds);
            now = seconds;
            Over = connection.Client == null || connection.Client.State == ConnectionState.Ended;
            if (Over || connection.Client.State != ConnectionState.Open)
                return;
            opened = Connected ? opened : seconds;
            connected++;
        }

        /// <summary>All of it. A connection that the scene could not even begin has no client.</summary>
        public SortedDictionary<string, object> Tell()
        {
            BridgeClient client = connection.Client;
            ClientStats stats = client == null ? default(ClientStats) : client.Stats;
            Welcome welcome = client == null ? null : client.Welcome;
            return new SortedDictionary<string, object>
            {
                { "session", welcome == null ? "" : welcome.Session },
                { "trouble", client == null ? "" : client.Trouble },
                { "channels", welcome == null ? new string[0] : welcome.Channels.Keys.ToArray() },
                { "refused", welcome == null ? new Dictionary<string, string>() : welcome.Refused },
                { "frames_connected", connected },
                { "frames_sent", stats.FramesSent },
                { "frames_dropped", stats.FramesDropped },
                { "blocks_dropped", stats.BlocksDropped },
                { "reconnects", stats.Reconnects },
                { "bytes_sent", stats.BytesSent },
                { "replies", replies },
                { "answered_seq", newestSeq },
                { "latency_ms", new SortedDictionary<string, object> { { "p50", At(0.5) }, { "p99", At(0.99) } } },
                { "notices", told },
                { "errors", errors },
                { "cues", watch.Cues.Select(Tell).ToArray() },
            };
        }

        static SortedDictionary<string, object> Tell(Watch.Seen cue) => new SortedDictionary<string, object>
        {
            { "act", cue.Act }, { "task", cue.Task }, { "at_s", Math.Round(cue.At, 3) }, { "actors", cue.Actors }, { "changes", cue.Changes },
        };

        /// <summary>The value that this share of the latencies did not exceed; 0 without any.</summary>
        double At(double share)
        {
            double[] sorted = latenciesMs.OrderBy(ms => ms).ToArray();
            return sorted.Length == 0 ? 0 : sorted[Math.Max(0, (int)Math.Ceiling(share * sorted.Length) - 1)];
        }
    }
}
