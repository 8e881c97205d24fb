using System;
using System.Globalization;
using System.Threading;

namespace Fedxr
{
    /// <summary>Keeps one session alive over connections, in the background.</summary>
    /// <remarks><para>connect, hello, welcome: what is unacknowledged is sent again, then what waits;
    /// serve until the connection is lost or the server says bye with <c>again</c>; wait, ever
    /// longer; connect again with <c>resume</c>. Over when refused, told so, given up or closed.</para>
    /// <para>One thread does this and sends; a second one receives while a connection is open.</para></remarks>
    sealed class Link
    {
        const int LongestWaitMs = 1000;
        const int ByeMs = 1000; // that the scene's thread waits for a bye to go out

        readonly HeadsetOptions options;
        readonly ChannelHandle[] channels;
        readonly Outbox outbox;
        readonly Inbox inbox;
        readonly PingSchedule pings = new PingSchedule();
        readonly MessagePackWriter message = new MessagePackWriter(4096);
        readonly CancellationTokenSource closing = new CancellationTokenSource();
        readonly Thread thread;
        volatile ConnectionState state = ConnectionState.Idle;
        volatile string trouble = "";
        volatile Welcome welcome;
        volatile Connection current;
        long bytesSent;
        int connections;
        bool toldRecord;

        internal Link(HeadsetOptions options, ChannelHandle[] channels, Outbox outbox, Inbox inbox)
        {
            this.options = options;
            this.channels = channels;
            this.outbox = outbox;
            this.inbox = inbox;
            thread = new Thread(Run) { IsBackground = true, Name = "fedxr bridge" };
        }

        internal ConnectionState State => state;

        internal string Trouble => trouble;

        internal Welcome Welcome => welcome;

        internal void Start()
        {
            state = ConnectionState.Connecting;
            thread.Start();
        }

        /// <summary>Say bye, if there is anyone to say it to.</summary>
        internal void Close()
        {
            closing.Cancel();
            outbox.Wake();
            if (state != ConnectionState.Idle && !thread.Join(ByeMs) && current != null)
                current.End(new LostException("closed here"));
            state = ConnectionState.Ended;
        }

        internal void Read(ref ClientStats stats)
        {
            stats.Reconnects = Math.Max(0, connections - 1);
            stats.BytesSent = Interlocked.Read(ref bytesSent);
            pings.Read(HeadsetClock.NowUs, ref stats);
        }

        void Run()
        {
            var waits = new Waits(options.Retry);
            long lostUs = HeadsetClock.NowUs;
            while (true)
            {
                try
                {
                    UserKey.Of(options.User, options.Keys); // it may take longer than a server waits
                    state = ConnectionState.Connecting;
                    using (Connection connection = Connection.Open(options, closing.Token))
                    {
                        TakeUp(Greet(connection), lostUs);
                        connection.HasOpened();
                        waits.Restart();
                        Serve(connection);
                    }
                }
                catch (LostException error)
                {
                    trouble = error.Message;
                }
                catch (RefusedException error)
                {
                    trouble = error.Message;
                    break;
                }
                catch (Exception error)
                {
                    // A fault of this client's: the scene goes on, and whoever looks is told.
                    trouble = "the client failed: " + error;
                    break;
                }
                if (closing.IsCancellationRequested)
                    break;
                if (state == ConnectionState.Open)
                    lostUs = HeadsetClock.NowUs;
                state = ConnectionState.Waiting;
                double wait = waits.Next();
                if ((HeadsetClock.NowUs - lostUs) * 1e-6 + wait > options.Retry.GiveUpSeconds)
                {
                    trouble = "no connection for " + options.Retry.GiveUpSeconds + " s: " + trouble;
                    break;
                }
                closing.Token.WaitHandle.WaitOne(TimeSpan.FromSeconds(wait));
            }
            state = ConnectionState.Ended;
        }

        Welcome Greet(Connection connection)
        {
            Welcome last = welcome;
            UserKey key = UserKey.Of(options.User, options.Keys);
            toldRecord = options.MayBeRecorded;
            Encode.Hello(message, options, key.Public, last == null ? null : last.Session, outbox.Acknowledged);
            Send(connection);
            int length = connection.Receive();
            try
            {
                if (Decoding.TypeOf(connection.Buffer, length) == "challenge")
                {
                    byte[] nonce = Decoding.ReadChallenge(connection.Buffer, length);
                    Encode.Proof(message, key.Prove(nonce, new Uri(options.Url).Authority));
                    Send(connection);
                    length = connection.Receive();
                }
                switch (Decoding.TypeOf(connection.Buffer, length))
                {
                    case "welcome":
                        return Decoding.ReadWelcome(connection.Buffer, length);
                    case "notice":
                        throw Excuses.WhenGreeted(Decoding.ReadNotice(connection.Buffer, length));
                    case "bye":
                        throw new RefusedException("the bridge refused this headset: "
                            + Decoding.ReadBye(connection.Buffer, length).Reason);
                    default:
                        throw new LostException("the server sent something before its welcome");
                }
            }
            catch (FormatException error)
            {
                throw NotUnderstood(error);
            }
        }

        /// <summary>Go on over a new connection.</summary>
        internal void TakeUp(Welcome now, long lostUs)
        {
            if (connections++ > 0)
                inbox.Put(new Notice("reconnected", trouble + "; back after "
                    + ((HeadsetClock.NowUs - lostUs) * 1e-6).ToString("0.0", CultureInfo.InvariantCulture) + " s, "
                    + (now.Session == welcome.Session ? "the session goes on" : "in a new session")));
            welcome = now; // before the channels are accepted: the scene's thread looks at both
            foreach (ChannelHandle channel in channels)
            {
                int number;
                string reason;
                channel.Number = now.Channels.TryGetValue(channel.Channel.Name, out number) ? number : 0;
                channel.Refusal = now.Refused.TryGetValue(channel.Channel.Name, out reason) ? reason : null;
            }
            outbox.Acknowledge(now.LastSeq);
            outbox.SendAgain();
            pings.Restart();
            trouble = "";
            state = ConnectionState.Open;
        }

        /// <summary>Send what there is to send until the connection is lost or the client closed.</summary>
        void Serve(Connection connection)
        {
            current = connection;
            var listener = new Thread(() => Listen(connection)) { IsBackground = true, Name = "fedxr listener" };
            listener.Start();
            try
            {
                while (!closing.IsCancellationRequested)
                {
                    int waitMs;
                    connection.CheckEnd();
                    if (toldRecord != options.MayBeRecorded)
                    {
                        toldRecord = !toldRecord;
                        Encode.Consent(message, toldRecord);
                        Send(connection);
                    }
                    if (pings.Next(HeadsetClock.NowUs, outbox.HasKept, message, out waitMs) || outbox.Take(message))
                        Send(connection);
                    else
                        outbox.Wait(Math.Min(waitMs, LongestWaitMs));
                }
                Encode.Bye(message, "");
                Send(connection);
            }
            finally
            {
                connection.Close();
                connection.End(new LostException("closed here"));
                listener.Join();
            }
        }

        void Send(Connection connection)
        {
            connection.Send(message);
            Interlocked.Add(ref bytesSent, message.Length);
        }

        void Listen(Connection connection)
        {
            try
            {
                while (true)
                    Take(connection, connection.Receive());
            }
            catch (FormatException error)
            {
                connection.End(NotUnderstood(error));
            }
            catch (Exception error)
            {
                connection.End(error);
            }
            outbox.Wake();
        }

        void Take(Connection connection, int length)
        {
            byte[] bytes = connection.Buffer;
            switch (Decoding.TypeOf(bytes, length))
            {
                case "reply":
                    Reply reply = inbox.Rent();
                    Decoding.Read(bytes, length, reply);
                    outbox.Acknowledge(reply.Seq);
                    inbox.Put(reply);
                    break;
                case "pong":
                    Pong pong = Decoding.ReadPong(bytes, length);
                    pings.Answered(pong, HeadsetClock.NowUs);
                    outbox.Acknowledge(pong.LastSeq);
                    outbox.Wake();
                    break;
                case "cue":
                    inbox.Put(Decoding.ReadCue(bytes, length));
                    break;
                case "notice":
                    inbox.Put(Decoding.ReadNotice(bytes, length));
                    break;
                case "bye":
                    Bye bye = Decoding.ReadBye(bytes, length);
                    outbox.Acknowledge(bye.LastSeq);
                    inbox.Put(bye);
                    if (!bye.Again)
                        throw new RefusedException(bye.Reason == "" ? "the server said bye" : bye.Reason);
                    throw new LostException(bye.Reason);
            }
        }

        static LostException NotUnderstood(FormatException error)
        {
            return new LostException("the server sent what is no message of fedxr.v1: " + error.Message);
        }
    }
}
