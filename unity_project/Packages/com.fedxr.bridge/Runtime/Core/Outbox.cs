using System.Collections.Generic;
using System.Threading;

namespace Fedxr
{
    /// <summary>Frames and feedback from the moment they are made until the server has them.</summary>
    /// <remarks><para>The scene's thread puts frames in; the network's thread takes them out. While the
    /// connection is slow or lost they wait: when a channel has more blocks waiting than its delivery
    /// allows, its oldest leaves the frame that holds it, and when all together exceed the byte bound
    /// the oldest block of any channel that may be dropped goes. A frame that lost all its blocks goes
    /// with them, unless it is the newest (its capture time still says how far the time has come).
    /// Every drop is counted.</para>
    /// <para>Feedback and reliable blocks are promised to arrive: once sent they are kept until
    /// the server acknowledges them, and after a lost connection stand before all that waits.</para>
    /// <para>Frames and blocks are pooled, so that a steady stream allocates nothing.</para></remarks>
    sealed class Outbox
    {
        const int ItemBytes = 256; // what a frame or a piece of feedback is taken to cost by itself

        readonly object gate = new object();
        readonly OutgoingList waiting = new OutgoingList();
        readonly OutgoingList kept = new OutgoingList();
        readonly Stack<Outgoing> idle = new Stack<Outgoing>();
        readonly ChannelHandle[] channels;
        readonly int mostBytes;
        long waitingBytes;
        long promisedBytes;
        long seq;
        long acknowledged;
        long framesSent;
        long framesDropped;
        long blocksDropped;
        bool woken;

        internal Outbox(ChannelHandle[] channels, int mostBytes)
        {
            this.channels = channels;
            this.mostBytes = mostBytes;
        }

        /// <summary>Everything up to this number has arrived.</summary>
        internal long Acknowledged
        {
            get
            {
                lock (gate)
                    return acknowledged;
            }
        }

        /// <summary>Whether anything was sent that the server has not acknowledged.</summary>
        internal bool HasKept
        {
            get
            {
                lock (gate)
                    return kept.Count > 0;
            }
        }

        /// <summary>Whether what is promised to arrive has filled the bound.</summary>
        internal bool Full
        {
            get
            {
                lock (gate)
                    return promisedBytes > mostBytes;
            }
        }

        internal void Read(ref ClientStats stats)
        {
            lock (gate)
            {
                stats.FramesSent = framesSent;
                stats.FramesDropped = framesDropped;
                stats.BlocksDropped = blocksDropped;
                stats.Unacknowledged = kept.Count;
                for (Outgoing item = waiting.Oldest; item != null; item = item.Newer)
                    stats.Unacknowledged += item.Promised > 0 ? 1 : 0;
            }
        }

        // The scene's thread

        internal Outgoing Rent()
        {
            lock (gate)
                return idle.Count > 0 ? idle.Pop() : new Outgoing();
        }

        internal Block Rent(ChannelHandle channel)
        {
            lock (gate)
                return channel.Idle.Count > 0 ? channel.Idle.Pop() : new Block(channel);
        }

        /// <summary>Take back what was rented and not put in.</summary>
        internal void Return(Outgoing item)
        {
            lock (gate)
                Recycle(item);
        }

        internal void Put(Outgoing frame)
        {
            lock (gate)
            {
                Outgoing last = waiting.Newest;
                if (last != null && last.Feedback == null && last.Blocks.Count == 0
                    && last.Episode == frame.Episode)
                    DropFrame(last);
                frame.Seq = ++seq;
                waiting.Add(frame);
                waitingBytes += ItemBytes;
                foreach (Block block in frame.Blocks)
                    Enqueue(block, frame);
                Promise(frame);
                while (waitingBytes > mostBytes && DropAny())
                {
                }
                Pulse();
            }
        }

        internal void PutFeedback(string task, long tUs, int label, int episode, FeedbackKind kind)
        {
            lock (gate)
            {
                var feedback = new Outgoing { Seq = ++seq, Feedback = new MessagePackWriter(96) };
                Encode.Feedback(feedback.Feedback, seq, task, tUs, label, episode, kind);
                waiting.Add(feedback);
                waitingBytes += ItemBytes;
                Promise(feedback);
                Pulse();
            }
        }

        // The network's thread

        /// <summary>Write the oldest item that waits into <paramref name="to"/>; false: nothing waits.</summary>
        internal bool Take(MessagePackWriter to)
        {
            lock (gate)
            {
                Outgoing item = waiting.Oldest;
                if (item == null)
                    return false;
                waiting.Remove(item);
                waitingBytes -= ItemBytes;
                if (item.Feedback != null)
                {
                    to.Clear();
                    to.Append(item.Feedback);
                }
                else
                {
                    TakeBlocks(item);
                    Encode.Frame(to, item);
                    framesSent += item.Sent ? 0 : 1;
                }
                item.Sent = true;
                if (item.Promised > 0)
                    Keep(item);
                else
                    Recycle(item);
                return true;
            }
        }

        /// <summary>The server has everything up to <paramref name="upTo"/>.</summary>
        internal void Acknowledge(long upTo)
        {
            lock (gate)
            {
                acknowledged = System.Math.Max(acknowledged, upTo);
                while (kept.Count > 0 && kept.Oldest.Seq <= upTo)
                {
                    Outgoing item = kept.Oldest;
                    kept.Remove(item);
                    promisedBytes -= item.Promised;
                    Recycle(item);
                }
            }
        }

        /// <summary>After a new welcome: what was sent and is not acknowledged is sent again, before all
        /// that waits.</summary>
        internal void SendAgain()
        {
            lock (gate)
            {
                for (Outgoing item = kept.Oldest; item != null; item = item.Newer)
                    waitingBytes += item.Promised;
                waiting.Prepend(kept);
                Pulse();
            }
        }

        /// <summary>Wait until something is put in or <see cref="Wake"/> is called.</summary>
        internal void Wait(int milliseconds)
        {
            lock (gate)
            {
                if (!woken && waiting.Count == 0)
                    Monitor.Wait(gate, milliseconds);
                woken = false;
            }
        }

        internal void Wake()
        {
            lock (gate)
                Pulse();
        }

        // Inside, under the lock

        void Pulse()
        {
            woken = true;
            Monitor.Pulse(gate);
        }

        void Enqueue(Block block, Outgoing frame)
        {
            ChannelHandle channel = block.Channel;
            block.Frame = frame;
            waitingBytes += block.Body.Length;
            if (channel.Channel.IsReliable)
                return;
            channel.Waiting.Add(block);
            if (channel.Waiting.Count > channel.Channel.QueueLength)
                DropOldest(channel);
        }

        void DropOldest(ChannelHandle channel)
        {
            Block block = channel.Waiting.Take();
            Outgoing frame = block.Frame;
            Drop(block);
            frame.Blocks.Remove(block);
            Recycle(block);
            if (frame.Blocks.Count == 0 && frame != waiting.Newest)
                DropFrame(frame);
        }

        /// <summary>Drop the oldest block that may be; false when there is none but the newest frame's.</summary>
        bool DropAny()
        {
            ChannelHandle oldest = null;
            foreach (ChannelHandle channel in channels)
            {
                Block block = channel.Waiting.Oldest;
                if (block != null && block.Frame != waiting.Newest
                    && (oldest == null || block.Frame.Seq < oldest.Waiting.Oldest.Frame.Seq))
                    oldest = channel;
            }
            if (oldest != null)
                DropOldest(oldest);
            return oldest != null;
        }

        void DropFrame(Outgoing frame)
        {
            waiting.Remove(frame);
            waitingBytes -= ItemBytes;
            framesDropped++;
            Recycle(frame);
        }

        void Drop(Block block)
        {
            waitingBytes -= block.Body.Length;
            block.Channel.Dropped++;
            blocksDropped++;
        }

        /// <summary>The frame's blocks stop waiting; those of channels that the server does not take
        /// any more are dropped.</summary>
        void TakeBlocks(Outgoing frame)
        {
            for (int i = frame.Blocks.Count - 1; i >= 0; i--)
            {
                Block block = frame.Blocks[i];
                if (!block.Channel.Channel.IsReliable)
                    block.Channel.Waiting.Take();
                if (block.Channel.Accepted)
                {
                    waitingBytes -= block.Body.Length;
                    continue;
                }
                Drop(block);
                frame.Blocks.RemoveAt(i);
                Recycle(block);
                Promise(frame);
            }
        }

        /// <summary>Keep what is promised of an item that is being sent.</summary>
        void Keep(Outgoing item)
        {
            for (int i = item.Blocks.Count - 1; i >= 0; i--)
            {
                Block block = item.Blocks[i];
                if (block.Channel.Channel.IsReliable)
                    continue;
                item.Blocks.RemoveAt(i);
                Recycle(block);
            }
            kept.Add(item);
        }

        /// <summary>Count what of <paramref name="item"/> must arrive.</summary>
        void Promise(Outgoing item)
        {
            promisedBytes -= item.Promised;
            item.Promised = item.Feedback != null ? ItemBytes : 0;
            foreach (Block block in item.Blocks)
                if (block.Channel.Channel.IsReliable)
                    item.Promised += (item.Promised == 0 ? ItemBytes : 0) + block.Body.Length;
            promisedBytes += item.Promised;
        }

        void Recycle(Outgoing item)
        {
            foreach (Block block in item.Blocks)
                Recycle(block);
            item.Blocks.Clear();
            item.Promised = 0;
            item.Sent = false;
            if (item.Feedback == null)
                idle.Push(item);
        }

        static void Recycle(Block block)
        {
            block.Frame = null;
            block.Channel.Idle.Push(block);
        }
    }
}
