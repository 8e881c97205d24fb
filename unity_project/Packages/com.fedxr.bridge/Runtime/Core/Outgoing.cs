using System.Collections.Generic;

namespace Fedxr
{
    /// <summary>One block of a frame, encoded but for the channel's number, which a later connection
    /// may change.</summary>
    sealed class Block
    {
        internal Block(ChannelHandle channel)
        {
            Channel = channel;
        }

        internal ChannelHandle Channel { get; }

        /// <summary>The block's keys after <c>channel</c>, and their values.</summary>
        internal MessagePackWriter Body { get; } = new MessagePackWriter();

        internal int Keys { get; set; }

        /// <summary>When its newest sample was taken.</summary>
        internal long LastUs { get; set; }

        internal Outgoing Frame { get; set; }

        /// <summary>The next block of the same channel that waits.</summary>
        internal Block Newer { get; set; }
    }

    /// <summary>The blocks of one channel that wait and may be dropped, oldest first.</summary>
    sealed class BlockQueue
    {
        Block newest;

        internal Block Oldest { get; private set; }

        internal int Count { get; private set; }

        internal void Add(Block block)
        {
            if (Count++ == 0)
                Oldest = block;
            else
                newest.Newer = block;
            newest = block;
        }

        internal Block Take()
        {
            Block block = Oldest;
            Oldest = block.Newer;
            block.Newer = null;
            Count--;
            return block;
        }
    }

    /// <summary>A frame or a piece of feedback on its way.</summary>
    sealed class Outgoing
    {
        internal long Seq { get; set; }

        internal long CaptureUs { get; set; }

        internal int Episode { get; set; }

        internal long EpisodeStartUs { get; set; }

        internal List<Block> Blocks { get; } = new List<Block>();

        /// <summary>A whole message (feedback), or null for a frame.</summary>
        internal MessagePackWriter Feedback { get; set; }

        /// <summary>Bytes of it that are promised to arrive, 0 when nothing is.</summary>
        internal int Promised { get; set; }

        /// <summary>Whether it has been handed to a socket before.</summary>
        internal bool Sent { get; set; }

        internal Outgoing Older { get; set; }

        internal Outgoing Newer { get; set; }
    }

    /// <summary>What waits, oldest first. The links are in the items, so that one can leave from the
    /// middle and nothing is allocated.</summary>
    sealed class OutgoingList
    {
        internal Outgoing Oldest { get; private set; }

        internal Outgoing Newest { get; private set; }

        internal int Count { get; private set; }

        internal void Add(Outgoing item)
        {
            item.Older = Newest;
            if (Newest == null)
                Oldest = item;
            else
                Newest.Newer = item;
            Newest = item;
            Count++;
        }

        internal void Remove(Outgoing item)
        {
            if (item.Older == null)
                Oldest = item.Newer;
            else
                item.Older.Newer = item.Newer;
            if (item.Newer == null)
                Newest = item.Older;
            else
                item.Newer.Older = item.Older;
            item.Older = item.Newer = null;
            Count--;
        }

        /// <summary>Put all of <paramref name="older"/> before this, leaving it empty.</summary>
        internal void Prepend(OutgoingList older)
        {
            if (older.Count == 0)
                return;
            older.Newest.Newer = Oldest;
            if (Oldest == null)
                Newest = older.Newest;
            else
                Oldest.Older = older.Newest;
            Oldest = older.Oldest;
            Count += older.Count;
            older.Oldest = older.Newest = null;
            older.Count = 0;
        }
    }
}
