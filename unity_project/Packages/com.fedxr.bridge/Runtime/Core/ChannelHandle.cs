namespace Fedxr
{
    /// <summary>An offered channel and what became of it. Valid for the client's whole life, over
    /// lost connections.</summary>
    public sealed class ChannelHandle
    {
        internal ChannelHandle(Channel channel)
        {
            Channel = channel;
        }

        /// <summary>What was offered.</summary>
        public Channel Channel { get; }

        /// <summary>Whether the server takes this channel now; false before the first welcome.</summary>
        public bool Accepted => Number != 0;

        /// <summary>Why the server refused the channel; null when it did not.</summary>
        public string Refusal { get; internal set; }

        /// <summary>Blocks dropped because the connection was slower than the channel.</summary>
        public long Dropped { get; internal set; }

        internal int Number { get; set; }
    }
}
