using System.Collections.Generic;

namespace Fedxr
{
    /// <summary>What has come from the server and waits for the scene's thread. Bounded: of replies the
    /// newest stay (an app that was in the background does not work through old ones), of all else
    /// the newest 256; what goes unread is counted.</summary>
    sealed class Inbox
    {
        const int MostReplies = 32;
        const int MostOthers = 256;

        readonly object gate = new object();
        readonly Queue<Reply> replies = new Queue<Reply>(MostReplies + 1);
        readonly Queue<Message> others = new Queue<Message>();
        readonly Stack<Reply> idle = new Stack<Reply>(MostReplies + 2);
        Reply handedOver;

        internal long Unread { get; private set; }

        /// <summary>A reply to read into.</summary>
        internal Reply Rent()
        {
            lock (gate)
                return idle.Count > 0 ? idle.Pop() : new Reply();
        }

        internal void Put(Reply reply)
        {
            lock (gate)
            {
                replies.Enqueue(reply);
                if (replies.Count <= MostReplies)
                    return;
                idle.Push(replies.Dequeue());
                Unread++;
            }
        }

        internal void Put(Message message)
        {
            lock (gate)
            {
                others.Enqueue(message);
                if (others.Count <= MostOthers)
                    return;
                others.Dequeue();
                Unread++;
            }
        }

        /// <summary>The oldest, replies last; the reply of the call before may be used again from now.</summary>
        internal bool Take(out Message message)
        {
            lock (gate)
            {
                if (handedOver != null)
                    idle.Push(handedOver);
                handedOver = others.Count == 0 && replies.Count > 0 ? replies.Dequeue() : null;
                message = others.Count > 0 ? others.Dequeue() : handedOver;
                return message != null;
            }
        }
    }
}
