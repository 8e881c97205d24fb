using System;
using System.Collections.Generic;

namespace Fedxr
{
    /// <summary>The bytes of what a headset sends; keys that hold their default are left out. The writer
    /// is cleared first.</summary>
    static class Encode
    {
        const int LowestVersion = 2;
        const int HighestVersion = 2;
        static readonly string[] Kinds = { "label", "correction", "rating", "undo" };

        /// <param name="to">Where it goes.</param>
        /// <param name="options">Who and what.</param>
        /// <param name="key">The user's public key.</param>
        /// <param name="resume">The session that was lost, or null.</param>
        /// <param name="lastSeq">Everything up to this number is known to have arrived.</param>
        internal static void Hello(MessagePackWriter to, HeadsetOptions options, byte[] key, string resume,
            long lastSeq)
        {
            bool device = options.Device.Count > 0, token = !string.IsNullOrEmpty(options.Token);
            Begin(to, "hello", 7 + One(device) + One(token) + One(resume != null) + One(lastSeq != 0)
                + One(!options.MayBeRecorded));
            Int(to, "min_version", LowestVersion);
            Int(to, "max_version", HighestVersion);
            Text(to, "user", options.User);
            Text(to, "scenario", options.Scenario);
            to.Word("channels");
            to.List(options.Channels.Count);
            foreach (Channel channel in options.Channels)
                Offer(to, channel);
            to.Word("tasks");
            to.List(options.Tasks.Count);
            foreach (string task in options.Tasks)
                to.Text(task);
            if (device)
                Profile(to, options.Device);
            if (token)
                Text(to, "token", options.Token);
            if (resume != null)
                Text(to, "resume", resume);
            if (lastSeq != 0)
                Int(to, "last_seq", lastSeq);
            to.Word("key");
            to.Bin(key, 0, key.Length);
            if (!options.MayBeRecorded)
                Flag(to, "record", false);
        }

        internal static void Proof(MessagePackWriter to, byte[] signature)
        {
            Begin(to, "proof", 1);
            to.Word("signature");
            to.Bin(signature, 0, signature.Length);
        }

        internal static void Consent(MessagePackWriter to, bool record)
        {
            Begin(to, "consent", 1);
            Flag(to, "record", record);
        }

        internal static void Frame(MessagePackWriter to, Outgoing frame)
        {
            bool later = frame.Episode != 0, started = frame.EpisodeStartUs != 0;
            Begin(to, "frame", 3 + One(later) + One(started));
            Int(to, "seq", frame.Seq);
            Int(to, "capture_us", frame.CaptureUs);
            to.Word("blocks");
            to.List(frame.Blocks.Count);
            foreach (Block block in frame.Blocks)
            {
                to.Map(1 + block.Keys);
                Int(to, "channel", block.Channel.Number);
                to.Append(block.Body);
            }
            if (later)
                Int(to, "episode", frame.Episode);
            if (started)
                Int(to, "episode_start_us", frame.EpisodeStartUs);
        }

        internal static void Feedback(MessagePackWriter to, long seq, string task, long tUs, int label,
            int episode, FeedbackKind kind)
        {
            bool labelled = label != 0, later = episode != 0, other = kind != FeedbackKind.Label;
            Begin(to, "feedback", 3 + One(labelled) + One(later) + One(other));
            Int(to, "seq", seq);
            Text(to, "task", task);
            Int(to, "t_us", tUs);
            if (labelled)
                Int(to, "label", label);
            if (later)
                Int(to, "episode", episode);
            if (other)
                Text(to, "kind", Kinds[(int)kind]);
        }

        /// <summary>A ping before anything is known of the server's clock.</summary>
        internal static void Ping(MessagePackWriter to, long sentUs)
        {
            Begin(to, "ping", 1);
            Int(to, "sent_us", sentUs);
        }

        /// <summary>A ping that tells the estimate: the server's clock minus this one.</summary>
        internal static void Ping(MessagePackWriter to, long sentUs, double offsetUs, double driftPpm,
            double uncertaintyUs)
        {
            bool drift = driftPpm != 0, uncertain = uncertaintyUs != 0;
            Begin(to, "ping", 2 + One(drift) + One(uncertain));
            Int(to, "sent_us", sentUs);
            Number(to, "offset_us", offsetUs);
            if (drift)
                Number(to, "drift_ppm", driftPpm);
            if (uncertain)
                Number(to, "uncertainty_us", uncertaintyUs);
        }

        internal static void Bye(MessagePackWriter to, string reason)
        {
            Begin(to, "bye", One(reason != ""));
            if (reason != "")
                Text(to, "reason", reason);
        }

        internal static void Begin(MessagePackWriter to, string type, int otherKeys)
        {
            to.Clear();
            to.Map(1 + otherKeys);
            to.Word("type");
            to.Word(type);
        }

        internal static void Int(MessagePackWriter to, string key, long value)
        {
            to.Word(key);
            to.Int(value);
        }

        internal static void Number(MessagePackWriter to, string key, double value)
        {
            to.Word(key);
            to.Number(value);
        }

        static void Flag(MessagePackWriter to, string key, bool value)
        {
            to.Word(key);
            to.Bool(value);
        }

        internal static int One(bool present) => present ? 1 : 0;

        static void Text(MessagePackWriter to, string key, string value)
        {
            to.Word(key);
            to.Text(value);
        }

        static void Offer(MessagePackWriter to, Channel channel)
        {
            bool delivery = channel.Delivery != Channel.UsualDelivery;
            to.Map(3 + One(delivery));
            Text(to, "name", channel.Name);
            Text(to, "layout", channel.Layout.Name);
            Number(to, "rate_hz", channel.RateHz);
            if (delivery)
                Text(to, "delivery", channel.Delivery);
        }

        static void Profile(MessagePackWriter to, Dictionary<string, object> device)
        {
            to.Word("device");
            to.Map(device.Count);
            foreach (KeyValuePair<string, object> entry in device)
            {
                to.Text(entry.Key);
                if (entry.Value is string)
                    to.Text((string)entry.Value);
                else if (entry.Value is bool)
                    to.Bool((bool)entry.Value);
                else if (entry.Value is int || entry.Value is long)
                    to.Int(Convert.ToInt64(entry.Value));
                else
                    to.Number(Convert.ToDouble(entry.Value));
            }
        }
    }
}
