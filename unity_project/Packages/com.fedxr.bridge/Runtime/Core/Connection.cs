using System;
using System.Net.WebSockets;
using System.Threading;
using System.Threading.Tasks;

namespace Fedxr
{
    /// <summary>One websocket: blocking calls for the two threads of a <see cref="Link"/>, one of which
    /// sends and one receives. Whatever goes wrong is a <see cref="LostException"/>.</summary>
    sealed class Connection : IDisposable
    {
        const string Subprotocol = "fedxr.v1";
        const int LongestMessage = 4 * 1024 * 1024;
        const long SilenceUs = 12000000; // a pong is due every two seconds
        const int LookMs = 500;

        readonly ClientWebSocket socket = new ClientWebSocket();
        byte[] buffer = new byte[4096];
        long heardUs = HeadsetClock.NowUs;
        volatile Exception end;

        Connection()
        {
            socket.Options.AddSubProtocol(Subprotocol);
            socket.Options.KeepAliveInterval = Timeout.InfiniteTimeSpan; // pings are ours
        }

        /// <summary>The bytes of the message that <see cref="Receive"/> returned the length of.</summary>
        internal byte[] Buffer => buffer;

        /// <exception cref="LostException">Nobody answers.</exception>
        /// <exception cref="RefusedException">Who answers is no bridge, or wants none of us.</exception>
        internal static Connection Open(string url, double seconds, CancellationToken cancel)
        {
            var connection = new Connection();
            try
            {
                using (var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel))
                {
                    limit.CancelAfter(TimeSpan.FromSeconds(seconds));
                    connection.socket.ConnectAsync(new Uri(url), limit.Token).GetAwaiter().GetResult();
                }
                if (connection.socket.SubProtocol != Subprotocol)
                    throw new RefusedException(url + " is a websocket server, but none that speaks "
                        + Subprotocol + "; is another program on this port?");
                return connection;
            }
            catch (Exception error) when (!(error is RefusedException))
            {
                connection.socket.Dispose();
                throw Excuses.WhenConnecting(url, seconds, error);
            }
        }

        internal void Send(MessagePackWriter message)
        {
            try
            {
                Task sending = socket.SendAsync(new ArraySegment<byte>(message.Bytes, 0, message.Length),
                    WebSocketMessageType.Binary, true, CancellationToken.None);
                while (!sending.Wait(LookMs))
                    CheckHeard();
            }
            catch (Exception error)
            {
                throw end ?? new LostException(error.GetBaseException().Message);
            }
        }

        /// <summary>Wait for the next message; returns its length.</summary>
        /// <param name="limitMs">Milliseconds it may take, -1 for any time.</param>
        internal int Receive(int limitMs = -1)
        {
            int length = 0;
            while (true)
            {
                WebSocketReceiveResult part = ReceivePart(length, limitMs);
                Interlocked.Exchange(ref heardUs, HeadsetClock.NowUs);
                if (part.MessageType == WebSocketMessageType.Close)
                    throw new LostException(string.IsNullOrEmpty(part.CloseStatusDescription)
                        ? "the server closed the connection" : part.CloseStatusDescription);
                if (part.MessageType != WebSocketMessageType.Binary)
                    throw new LostException("the server sent text; messages of fedxr.v1 are binary");
                length += part.Count;
                if (part.EndOfMessage)
                    return length;
                if (length == buffer.Length)
                    Array.Resize(ref buffer, 2 * length);
                if (length > LongestMessage)
                    throw new LostException("the server sent a message of more than " + LongestMessage + " bytes");
            }
        }

        /// <summary>Throws what <see cref="End"/> was told, or when nothing was heard for too long.</summary>
        internal void CheckHeard()
        {
            if (end == null && HeadsetClock.NowUs - Interlocked.Read(ref heardUs) > SilenceUs)
                End(new LostException("nothing heard from the server for " + SilenceUs / 1000000 + " s"));
            if (end != null)
                throw end;
        }

        /// <summary>Give the connection up: both threads find out why.</summary>
        internal void End(Exception why)
        {
            end = end ?? why;
            socket.Abort();
        }

        /// <summary>Tell the other side that no more will come, and go.</summary>
        public void Dispose()
        {
            try
            {
                if (socket.State == WebSocketState.Open || socket.State == WebSocketState.CloseReceived)
                    socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "", CancellationToken.None)
                        .Wait(LookMs);
            }
            catch (Exception)
            {
                // It is gone already.
            }
            socket.Abort();
            socket.Dispose();
        }

        WebSocketReceiveResult ReceivePart(int at, int limitMs)
        {
            try
            {
                Task<WebSocketReceiveResult> receiving = socket.ReceiveAsync(
                    new ArraySegment<byte>(buffer, at, buffer.Length - at), CancellationToken.None);
                if (!receiving.Wait(limitMs))
                    throw new LostException("no welcome within " + limitMs / 1000.0 + " s");
                return receiving.Result;
            }
            catch (Exception error) when (!(error is LostException))
            {
                throw end ?? new LostException(error.GetBaseException().Message);
            }
        }
    }
}
