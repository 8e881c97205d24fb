using System.Collections.Generic;

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

        /// <summary>Blocks left out because a number in them was NaN or infinite.</summary>
        public long NotFinite { get; internal set; }

        /// <summary>The server's number for it; 0: none.</summary>
        internal int Number { get; set; }

        /// <summary>Blocks that wait and may be dropped.</summary>
        internal BlockQueue Waiting { get; } = new BlockQueue();

        /// <summary>Blocks to use again.</summary>
        internal Stack<Block> Idle { get; } = new Stack<Block>();

        /// <summary>The last frame's newest sample; samples must not go back behind it.</summary>
        internal long LastUs { get; set; }
    }
}
