using System;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;

namespace Fedxr
{
    /// <summary>A TCP connection whose calls block on their own thread, can be ended from another one,
    /// and fail when nothing was heard for 12 s.</summary>
    /// <remarks>Why not ClientWebSocket with its own socket: that leaves Nagle's algorithm on, which
    /// holds a frame back until the one before is acknowledged, up to 40 ms after it arrived
    /// (benchmarks/unity_core.py); and it hands every message from thread to thread. Here the asynchronous calls
    /// that <see cref="System.Net.WebSockets.WebSocket"/> makes have ended when they return.</remarks>
    sealed class SocketStream : Stream
    {
        const int LookUs = 250000;
        const long SilenceUs = 12000000; // a pong is due every two seconds

        readonly Socket socket;
        readonly bool readsAside;
        volatile Exception end;
        long deadlineUs = long.MaxValue;
        long heardUs = HeadsetClock.NowUs;

        SocketStream(Socket socket, bool readsAside)
        {
            this.socket = socket;
            this.readsAside = readsAside;
        }

        /// <summary>HeadsetClock's time after which every call fails.</summary>
        internal long DeadlineUs
        {
            set { Interlocked.Exchange(ref deadlineUs, value); }
        }

        /// <summary>Throws what went wrong with the last of the host's addresses.</summary>
        /// <param name="host">A name or an address.</param>
        /// <param name="port">Its port.</param>
        /// <param name="readsAside">Whether an asynchronous read must not block its caller (TLS).</param>
        /// <param name="milliseconds">How long it may take.</param>
        /// <param name="cancel">Ends it.</param>
        internal static SocketStream Connect(string host, int port, bool readsAside, int milliseconds,
            CancellationToken cancel)
        {
            Exception wrong = new SocketException((int)SocketError.HostNotFound);
            foreach (IPAddress address in Dns.GetHostAddresses(host))
            {
                var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
                try
                {
                    if (!socket.ConnectAsync(address, port).Wait(milliseconds, cancel))
                        throw new TimeoutException("no answer in time");
                    socket.NoDelay = true;
                    socket.Blocking = false;
                    return new SocketStream(socket, readsAside);
                }
                catch (Exception error)
                {
                    socket.Dispose();
                    wrong = error;
                }
            }
            throw wrong;
        }

        /// <summary>Make every call that waits, and every later one, throw <paramref name="why"/>.</summary>
        internal void End(Exception why)
        {
            end = end ?? why;
            try
            {
                socket.Shutdown(SocketShutdown.Both);
            }
            catch (Exception)
            {
                // It is gone already; who waits looks at `end` four times a second anyway.
            }
        }

        public override int Read(byte[] buffer, int offset, int count)
        {
            while (true)
            {
                Wait(SelectMode.SelectRead);
                SocketError error;
                int got = socket.Receive(buffer, offset, count, SocketFlags.None, out error);
                Interlocked.Exchange(ref heardUs, HeadsetClock.NowUs);
                if (error == SocketError.Success)
                    return got;
                if (error != SocketError.WouldBlock)
                    throw end ?? new SocketException((int)error);
            }
        }

        public override void Write(byte[] buffer, int offset, int count)
        {
            while (count > 0)
            {
                SocketError error;
                int sent = socket.Send(buffer, offset, count, SocketFlags.None, out error);
                if (error != SocketError.Success && error != SocketError.WouldBlock)
                    throw end ?? new SocketException((int)error);
                offset += Math.Max(0, sent);
                count -= Math.Max(0, sent);
                if (count > 0)
                    Wait(SelectMode.SelectWrite);
            }
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancel)
        {
            if (readsAside)
                return Task.Run(() => Read(buffer, offset, count));
            return Task.FromResult(Read(buffer, offset, count));
        }

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancel)
        {
            Write(buffer, offset, count);
            return Task.CompletedTask;
        }

        protected override void Dispose(bool disposing)
        {
            socket.Dispose();
            base.Dispose(disposing);
        }

        void Wait(SelectMode mode)
        {
            do
            {
                if (end != null)
                    throw end;
                long nowUs = HeadsetClock.NowUs;
                if (nowUs > Interlocked.Read(ref deadlineUs))
                    throw new TimeoutException("no answer in time");
                if (nowUs - Interlocked.Read(ref heardUs) > SilenceUs)
                    throw new LostException("nothing heard from the server for " + SilenceUs / 1000000 + " s");
            }
            while (!socket.Poll(LookUs, mode));
        }

        public override void Flush()
        {
        }

        public override Task FlushAsync(CancellationToken cancel) => Task.CompletedTask;

        public override bool CanRead => true;

        public override bool CanWrite => true;

        public override bool CanSeek => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get { throw new NotSupportedException(); }
            set { throw new NotSupportedException(); }
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
