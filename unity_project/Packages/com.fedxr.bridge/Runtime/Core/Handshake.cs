using System;
using System.Collections.Generic;
using System.IO;
using System.Security.Cryptography;
using System.Text;

namespace Fedxr
{
    /// <summary>Asks an HTTP server for a websocket (RFC 6455, section 4.1).</summary>
    static class Handshake
    {
        internal const string Protocol = "fedxr.v1";
        const string Magic = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
        const int LongestHead = 16384;
        const int LongestText = 2000;

        /// <exception cref="RefusedException">It is a server, but no bridge.</exception>
        /// <exception cref="LostException">It has no place at present (503).</exception>
        internal static void Run(Stream stream, Uri url)
        {
            string key = Convert.ToBase64String(Guid.NewGuid().ToByteArray());
            byte[] request = Encoding.ASCII.GetBytes("GET " + url.PathAndQuery + " HTTP/1.1\r\nHost: " + url.Authority
                + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
                + key + "\r\nSec-WebSocket-Protocol: " + Protocol + "\r\n\r\n");
            stream.Write(request, 0, request.Length);
            string status;
            Dictionary<string, string> head = ReadHead(stream, out status);
            if (status != "101")
                throw Refusal(url, status, ReadText(stream, head));
            if (Value(head, "sec-websocket-accept") != Accept(key))
                throw new RefusedException(url + " opens no websocket: its answer is for another request");
            if (Value(head, "sec-websocket-protocol") != Protocol)
                throw new RefusedException(url + " is a websocket server, but none that speaks " + Protocol
                    + "; is another program on this port?");
        }

        static Exception Refusal(Uri url, string status, string said)
        {
            if (status == "503")
                return new LostException(url + " has no place for another headset at present: " + said);
            return new RefusedException(url + " refused the connection (HTTP " + status + ": " + said
                + "); is it a bridge that listens there?");
        }

        static string Accept(string key)
        {
            using (SHA1 sha = SHA1.Create())
                return Convert.ToBase64String(sha.ComputeHash(Encoding.ASCII.GetBytes(key + Magic)));
        }

        /// <summary>The answer's headers, names in lower case. Read byte by byte, as what follows is no
        /// part of them.</summary>
        static Dictionary<string, string> ReadHead(Stream stream, out string status)
        {
            var text = new StringBuilder();
            while (text.Length < 4 || text.ToString(text.Length - 4, 4) != "\r\n\r\n")
            {
                int next = stream.ReadByte();
                if (next < 0 || text.Length > LongestHead)
                    throw new LostException("what listens there answers no HTTP; is another program on this port?");
                text.Append((char)next);
            }
            string[] lines = text.ToString().Split(new[] { "\r\n" }, StringSplitOptions.RemoveEmptyEntries);
            string[] words = lines[0].Split(' ');
            status = words.Length > 1 ? words[1] : lines[0];
            var head = new Dictionary<string, string>();
            for (int i = 1; i < lines.Length; i++)
            {
                int colon = lines[i].IndexOf(':');
                if (colon > 0)
                    head[lines[i].Substring(0, colon).ToLowerInvariant()] = lines[i].Substring(colon + 1).Trim();
            }
            return head;
        }

        /// <summary>What a refusing server says to a person.</summary>
        static string ReadText(Stream stream, Dictionary<string, string> head)
        {
            int length;
            int.TryParse(Value(head, "content-length"), out length);
            var bytes = new byte[Math.Max(0, Math.Min(length, LongestText))];
            int got = 0;
            for (int part = 1; got < bytes.Length && part > 0; got += part)
                part = stream.Read(bytes, got, bytes.Length - got);
            return Encoding.UTF8.GetString(bytes, 0, got).Trim();
        }

        static string Value(Dictionary<string, string> head, string name)
        {
            string value;
            return head.TryGetValue(name, out value) ? value : "";
        }
    }
}
