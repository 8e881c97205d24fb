using System;
using System.IO;
using System.Net.Security;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Threading;

namespace Fedxr
{
    /// <summary>One websocket: blocking calls for the two threads of a <see cref="Link"/>, one of which
    /// sends and one receives. Whatever goes wrong is a <see cref="LostException"/> or a
    /// <see cref="RefusedException"/>.</summary>
    sealed class Connection : IDisposable
    {
        const int LongestMessage = 4 * 1024 * 1024;
        const int CloseMs = 500;
        const int BufferBytes = 4096;

        readonly SocketStream stream;
        readonly WebSocket socket;
        readonly CancellationTokenRegistration whileOpening;
        byte[] buffer = new byte[4096];
        volatile Exception end;

        Connection(SocketStream stream, WebSocket socket, CancellationTokenRegistration whileOpening)
        {
            this.stream = stream;
            this.socket = socket;
            this.whileOpening = whileOpening;
        }

        /// <summary>The bytes of the message that <see cref="Receive"/> returned the length of.</summary>
        internal byte[] Buffer => buffer;

        /// <summary>Connect. Until <see cref="HasOpened"/> everything must be done within
        /// <see cref="HeadsetOptions.ConnectSeconds"/>, and <paramref name="cancel"/> ends it at once.</summary>
        /// <exception cref="LostException">Nobody answers.</exception>
        /// <exception cref="RefusedException">Who answers is no bridge, or not the one it says it is.</exception>
        internal static Connection Open(HeadsetOptions options, CancellationToken cancel)
        {
            var url = new Uri(options.Url);
            double seconds = options.ConnectSeconds;
            SocketStream stream = null;
            var whileOpening = default(CancellationTokenRegistration);
            bool secure = url.Scheme == "wss";
            try
            {
                long deadlineUs = HeadsetClock.NowUs + (long)(seconds * 1e6);
                int port = url.Port > 0 ? url.Port : secure ? 443 : 80;
                stream = SocketStream.Connect(url.DnsSafeHost, port, secure, (int)(seconds * 1000), cancel);
                stream.DeadlineUs = deadlineUs;
                SocketStream opened = stream;
                whileOpening = cancel.Register(() => opened.End(new LostException("closed here")));
                Stream above = secure ? Encrypted(stream, url, Plain(options.CertificateSha256)) : stream;
                Handshake.Run(above, url);
                // Unlike CreateFromStream, this one is in both of Unity's API levels.
                WebSocket socket = WebSocket.CreateClientWebSocket(above, Handshake.Protocol, BufferBytes, BufferBytes,
                    Timeout.InfiniteTimeSpan, false, WebSocket.CreateClientBuffer(BufferBytes, BufferBytes));
                return new Connection(stream, socket, whileOpening);
            }
            catch (Exception error)
            {
                whileOpening.Dispose();
                if (stream != null)
                    stream.Dispose();
                throw Excuses.WhenConnecting(url, seconds, error);
            }
        }

        /// <summary>From now on it stays until <see cref="End"/>, or nothing is heard any more.</summary>
        internal void HasOpened()
        {
            whileOpening.Dispose();
            stream.DeadlineUs = long.MaxValue;
        }

        internal void Send(MessagePackWriter message)
        {
            try
            {
                socket.SendAsync(new ArraySegment<byte>(message.Bytes, 0, message.Length),
                    WebSocketMessageType.Binary, true, CancellationToken.None).GetAwaiter().GetResult();
            }
            catch (Exception error)
            {
                throw Lost(error);
            }
        }

        /// <summary>Wait for the next message; returns its length.</summary>
        internal int Receive()
        {
            int length = 0;
            while (true)
            {
                WebSocketReceiveResult part = ReceivePart(length);
                if (part.MessageType == WebSocketMessageType.Close)
                    throw new LostException(string.IsNullOrEmpty(part.CloseStatusDescription)
                        ? "the server closed the connection" : part.CloseStatusDescription);
                if (part.MessageType != WebSocketMessageType.Binary)
                    throw new LostException("the server sent text; messages of fedxr.v1 are binary");
                length += part.Count;
                if (length > LongestMessage)
                    throw new LostException("the server sent a message of more than " + LongestMessage + " bytes");
                if (part.EndOfMessage)
                    return length;
                if (length == buffer.Length)
                    Array.Resize(ref buffer, 2 * length);
            }
        }

        /// <summary>Throws what <see cref="End"/> was told.</summary>
        internal void CheckEnd()
        {
            if (end != null)
                throw end;
        }

        /// <summary>Give the connection up: both threads find out why.</summary>
        internal void End(Exception why)
        {
            end = end ?? why;
            stream.End(end);
        }

        /// <summary>Tell the other side that no more will come, unless it is gone.</summary>
        internal void Close()
        {
            try
            {
                stream.DeadlineUs = HeadsetClock.NowUs + CloseMs * 1000;
                socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "", CancellationToken.None)
                    .GetAwaiter().GetResult();
            }
            catch (Exception)
            {
                // It is gone already.
            }
        }

        public void Dispose()
        {
            End(new LostException("closed here"));
            whileOpening.Dispose();
            socket.Dispose();
            stream.Dispose();
        }

        /// <summary>TLS with a server whose certificate the system trusts, or that is the pinned one.</summary>
        static Stream Encrypted(SocketStream stream, Uri url, string pinned)
        {
            string shown = "";
            var secure = new SslStream(stream, false, (sender, certificate, chain, errors) =>
            {
                shown = Fingerprint(certificate);
                return errors == SslPolicyErrors.None || pinned.Length > 0 && shown == pinned;
            });
            try
            {
                secure.AuthenticateAsClient(url.DnsSafeHost);
                return secure;
            }
            catch (Exception) when (shown != "" && shown != pinned)
            {
                throw new RefusedException(url + " shows a certificate that is not trusted here, with SHA-256 "
                    + shown + "; if that is your server's, put it into CertificateSha256");
            }
        }

        static string Fingerprint(X509Certificate certificate)
        {
            using (SHA256 sha = SHA256.Create())
                return BitConverter.ToString(sha.ComputeHash(certificate.GetRawCertData())).Replace("-", "");
        }

        static string Plain(string fingerprint)
        {
            return fingerprint == null ? "" : fingerprint.Replace(":", "").Replace(" ", "").ToUpperInvariant();
        }

        Exception Lost(Exception error)
        {
            if (end != null)
                return end;
            return error is LostException || error is RefusedException ? error
                : new LostException(error.GetBaseException().Message);
        }

        WebSocketReceiveResult ReceivePart(int at)
        {
            try
            {
                return socket.ReceiveAsync(new ArraySegment<byte>(buffer, at, buffer.Length - at),
                    CancellationToken.None).GetAwaiter().GetResult();
            }
            catch (Exception error)
            {
                throw Lost(error);
            }
        }
    }
}
