using System;

namespace Fedxr
{
    /// <summary>Where a client stands.</summary>
    public enum ConnectionState
    {
        /// <summary>Not started.</summary>
        Idle,

        /// <summary>Reaching for the server.</summary>
        Connecting,

        /// <summary>The session is open.</summary>
        Open,

        /// <summary>There is no connection at the moment; the client comes back by itself.</summary>
        Waiting,

        /// <summary>Over for good: refused, ended by the server, given up or disposed.</summary>
        Ended
    }

    /// <summary>What a client has done so far.</summary>
    public struct ClientStats
    {
        /// <summary>Frames handed to the socket.</summary>
        public long FramesSent;

        /// <summary>Frames of which nothing was sent, because the connection was slow or lost.</summary>
        public long FramesDropped;

        /// <summary>Blocks dropped, whole frames included; <see cref="ChannelHandle.Dropped"/> says
        /// of which channel.</summary>
        public long BlocksDropped;

        /// <summary>Messages from the server that were dropped because nobody called
        /// <see cref="BridgeClient.Poll"/>.</summary>
        public long Unread;

        /// <summary>Feedback and frames with reliable samples that the server has not acknowledged.</summary>
        public int Unacknowledged;

        /// <summary>Connections after the first.</summary>
        public int Reconnects;

        /// <summary>Bytes of messages handed to the socket.</summary>
        public long BytesSent;

        /// <summary>The shortest round trip lately, in microseconds; 0 before the first.</summary>
        public double RoundTripUs;

        /// <summary>Server's clock minus the headset's, now.</summary>
        public double OffsetUs;

        /// <summary>How far OffsetUs may be off.</summary>
        public double UncertaintyUs;
    }

    /// <summary>A headset's end of the bridge. Everything public is for one thread, the scene's; the
    /// network runs in the background. After <see cref="Start"/> the client connects, comes back by
    /// itself after a lost connection, and ends when the server refuses it, says so, or cannot be
    /// reached for <see cref="Retry.GiveUpSeconds"/>.</summary>
    public sealed class BridgeClient : IDisposable
    {
        /// <exception cref="ArgumentException">The options are not allowed; the message says what is.</exception>
        public BridgeClient(HeadsetOptions options)
        {
        }

        /// <summary>Connect in the background; returns at once.</summary>
        public void Start()
        {
        }

        /// <summary>Where the client stands.</summary>
        public ConnectionState State => ConnectionState.Idle;

        /// <summary>What went wrong last, for a person; empty while all is well.</summary>
        public string Trouble => "";

        /// <summary>The server's newest welcome; null before the first.</summary>
        public Welcome Welcome => null;

        /// <summary>The headset's clock: microseconds, never going back.</summary>
        public long NowUs => 0;

        /// <summary>The frame that is being put together.</summary>
        public FrameBuilder Frame => null;

        /// <summary>What has happened so far.</summary>
        public ClientStats Stats => default(ClientStats);

        /// <summary>The handle of an offered channel.</summary>
        /// <exception cref="ArgumentException">It was not offered; the message lists those that were.</exception>
        public ChannelHandle Find(string channelName)
        {
            return null;
        }

        /// <summary>The next message from the server, if any has come. Call it until it returns false.</summary>
        public bool Poll(out Message message)
        {
            message = null;
            return false;
        }

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
            return false;
        }

        /// <summary>From the next frame on, context starts anew (another user, another task, a long
        /// pause).</summary>
        public void NewEpisode()
        {
        }

        /// <summary>Say bye and close.</summary>
        public void Dispose()
        {
        }
    }
}
