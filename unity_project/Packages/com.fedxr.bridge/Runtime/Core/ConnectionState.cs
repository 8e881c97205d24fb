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
}
