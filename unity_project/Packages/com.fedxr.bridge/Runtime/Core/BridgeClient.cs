using System;
using System.Collections.Generic;

namespace Fedxr
{
    /// <summary>A headset's end of the bridge. Everything public is for one thread, the scene's; the
    /// network runs in the background. After <see cref="Start"/> the client connects, comes back by
    /// itself after a lost connection, and ends when the server refuses it, says so, or cannot be
    /// reached for <see cref="Retry.GiveUpSeconds"/>.</summary>
    /// <remarks><see cref="Poll"/> until it returns false, once per frame of the scene;
    /// <see cref="Frame"/> sends. Neither waits for the network, nor allocates in a steady stream.</remarks>
    public sealed class BridgeClient : IDisposable
    {
        readonly Dictionary<string, ChannelHandle> handles = new Dictionary<string, ChannelHandle>();
        readonly Inbox inbox = new Inbox();
        readonly Outbox outbox;
        readonly Link link;
        readonly HeadsetOptions options;

        /// <exception cref="ArgumentException">The options are not allowed; the message says what is.</exception>
        public BridgeClient(HeadsetOptions options)
        {
            options.Check();
            this.options = options;
            foreach (Channel channel in options.Channels)
            {
                if (handles.ContainsKey(channel.Name))
                    throw new ArgumentException("channel " + channel.Name + " is offered twice; rename one");
                handles.Add(channel.Name, new ChannelHandle(channel));
            }
            var all = new ChannelHandle[handles.Count];
            handles.Values.CopyTo(all, 0);
            outbox = new Outbox(all, options.QueueBytes);
            link = new Link(options, all, outbox, inbox);
            Frame = new FrameBuilder(this, outbox);
        }

        /// <summary>Where the client stands.</summary>
        public ConnectionState State => link.State;

        /// <summary>What went wrong last, for a person; empty while all is well.</summary>
        public string Trouble => link.Trouble;

        /// <summary>The server's newest welcome; null before the first.</summary>
        public Welcome Welcome => link.Welcome;

        /// <summary>The headset's clock: microseconds, never going back.</summary>
        public long NowUs => HeadsetClock.NowUs;

        /// <summary>The frame that is being put together.</summary>
        public FrameBuilder Frame { get; }

        /// <summary>Whether the server may record what is sent; said again when it changes.</summary>
        public bool MayBeRecorded
        {
            get { return options.MayBeRecorded; }
            set
            {
                options.MayBeRecorded = value;
                outbox.Wake();
            }
        }

        /// <summary>What has happened so far.</summary>
        public ClientStats Stats
        {
            get
            {
                var stats = default(ClientStats);
                outbox.Read(ref stats);
                link.Read(ref stats);
                stats.Unread = inbox.Unread;
                return stats;
            }
        }

        internal Outbox Outbox => outbox;

        internal Link Link => link;

        internal bool HasSession => link.Welcome != null && link.State != ConnectionState.Ended;

        /// <summary>Connect in the background; returns at once.</summary>
        /// <exception cref="InvalidOperationException">It was started before.</exception>
        public void Start()
        {
            if (State != ConnectionState.Idle)
                throw new InvalidOperationException("the client is started already; make a new one to connect anew");
            link.Start();
        }

        /// <summary>The handle of an offered channel.</summary>
        /// <exception cref="ArgumentException">It was not offered; the message lists those that were.</exception>
        public ChannelHandle Find(string channelName)
        {
            ChannelHandle handle;
            if (handles.TryGetValue(channelName, out handle))
                return handle;
            throw new ArgumentException("channel '" + channelName + "' was not offered; offered are "
                + string.Join(", ", handles.Keys));
        }

        /// <summary>The next message from the server, if any has come. Call it until it returns false.</summary>
        public bool Poll(out Message message) => inbox.Take(out message);

        /// <summary>Tell what the user says of <paramref name="task"/> at capture time
        /// <paramref name="tUs"/>. It is kept and sent again until the server has it.</summary>
        /// <param name="task">One of the welcome's tasks.</param>
        /// <param name="tUs">Capture time that it refers to, for example a reply's.</param>
        /// <param name="label">A class index; a mark from 0 to 10 for a rating.</param>
        /// <param name="kind">What the label means.</param>
        /// <returns>False when the queue is full of what the server has not acknowledged.</returns>
        /// <exception cref="ArgumentException">The task is not answered, or the label not allowed.</exception>
        /// <exception cref="InvalidOperationException">There is no session yet, or it has ended.</exception>
        public bool SendFeedback(string task, long tUs, int label, FeedbackKind kind = FeedbackKind.Label)
        {
            if (!HasSession)
                throw new InvalidOperationException("no session to say it in; State is " + State + ". " + Trouble);
            if (!Welcome.Tasks.Contains(task))
                throw new ArgumentException("feedback on task '" + task + "'; answered are "
                    + string.Join(", ", Welcome.Tasks));
            if (label < 0 || kind == FeedbackKind.Rating && label > 10 || tUs < 0 || tUs > Decoding.MostUs)
                throw new ArgumentException("feedback " + label + " at " + tUs
                    + "; allowed are a class index from 0, a rating from 0 to 10, and a capture time");
            if (outbox.Full)
                return false;
            outbox.PutFeedback(task, tUs, label, Frame.EpisodeAt(tUs), kind);
            return true;
        }

        /// <summary>From the next frame on, context starts anew (another user, another task, a long
        /// pause).</summary>
        public void NewEpisode()
        {
            Frame.StartAnew();
        }

        /// <summary>Say bye and close. What the server has not acknowledged is lost.</summary>
        public void Dispose()
        {
            link.Close();
        }

        /// <summary>Samples may start at any time again.</summary>
        internal void ForgetTimes()
        {
            foreach (ChannelHandle handle in handles.Values)
                handle.LastUs = 0;
        }

        internal void TellNotFinite(ChannelHandle channel)
        {
            if (channel.NotFinite++ > 0)
                return;
            inbox.Put(new Notice("not-finite", "channel " + channel.Channel.Name
                + ": NaN or infinite numbers are left out; the sensor had better not send them (told once)"));
        }
    }
}
