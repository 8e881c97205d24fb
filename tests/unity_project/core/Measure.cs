using System;
using System.Diagnostics;
using System.Globalization;
using System.Net.WebSockets;
using System.Threading;

namespace Fedxr
{
    /// <summary>What the core costs: prints one line of key=value pairs.</summary>
    static class Measure
    {
        const int Warm = 200;
        const int Head = 2;

        static readonly Channel[] Seven =
        {
            new Channel("left", "hands/openxr26", 72),
            new Channel("right", "hands/openxr26", 72),
            new Channel("head", "motion/head", 72),
            new Channel("gaze", "gaze/ray", 72),
            new Channel("face", "face/arkit52", 72),
            new Channel("audio", "audio/pcm16", 48024),
            new Channel("eeg", "eeg/O1-O2-Oz-P3-P4-Pz-C3-C4", 504)
        };

        static readonly float[] Values = new float[256];
        static readonly short[] Sound = new short[667];
        static long lastCaptureUs;

        /// <summary>Frames through builder and queue on one thread, no network: time and allocation.</summary>
        internal static void Encode(int frames)
        {
            BridgeClient client = Offline.Open(Seven);
            ChannelHandle[] handles = Handles(client);
            var message = new MessagePackWriter(8192);
            long bytes = 0, before = 0;
            int collections = 0;
            var watch = new Stopwatch();
            for (int i = -Warm; i < frames; i++)
            {
                if (i == 0)
                {
                    collections = GC.CollectionCount(0);
                    before = GC.GetAllocatedBytesForCurrentThread();
                    watch.Start();
                }
                Send(client, handles, 1000000L + (i + Warm) * 13889L);
                client.Outbox.Take(message);
                bytes += message.Length;
            }
            watch.Stop();
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Say("encode frames={0} per_s={1:0} message_bytes={2} allocated={3} collections={4}", frames,
                frames / watch.Elapsed.TotalSeconds, bytes / (frames + Warm), allocated,
                GC.CollectionCount(0) - collections);
        }

        /// <summary>Each frame to the server and its reply back, at <paramref name="hz"/>; with
        /// <paramref name="oneWay"/> nobody replies, and a frame is a head's pose only.</summary>
        internal static void Echo(HeadsetOptions options, int frames, double hz, bool oneWay)
        {
            options.Channels.AddRange(oneWay ? new[] { Seven[Head] } : Seven);
            using (var client = new BridgeClient(options))
            {
                client.Start();
                while (client.State != ConnectionState.Open)
                    Thread.Sleep(1);
                ChannelHandle[] handles = Handles(client);
                Round(client, handles, Warm, hz, oneWay);
                Round(client, handles, frames, hz, oneWay);
            }
        }

        static void Round(BridgeClient client, ChannelHandle[] handles, int frames, double hz, bool oneWay)
        {
            var microseconds = new double[frames];
            int collections = GC.CollectionCount(0);
            long before = GC.GetAllocatedBytesForCurrentThread();
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < frames; i++)
            {
                WaitUntil(start + (long)(i * Stopwatch.Frequency / hz));
                long sent = Stopwatch.GetTimestamp();
                long captureUs = client.NowUs;
                Send(client, handles, captureUs);
                Message message;
                var reply = default(Reply);
                while (!oneWay && (reply == null || reply.CaptureUs < captureUs))
                    if (client.Poll(out message))
                        reply = message as Reply;
                    else
                        Thread.Sleep(0);
                microseconds[i] = Since(sent);
            }
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Report("echo", microseconds, allocated, collections);
        }

        /// <summary>As <see cref="Echo"/>, with a ClientWebSocket and nothing else: what is sent is one
        /// and the same array, what comes is not looked at.</summary>
        internal static void Bare(string url, int frames, double hz, int messageBytes, bool oneWay)
        {
            using (var socket = new ClientWebSocket())
            {
                socket.ConnectAsync(new Uri(url), CancellationToken.None).Wait();
                var message = new ArraySegment<byte>(new byte[messageBytes]);
                var answer = new ArraySegment<byte>(new byte[4096]);
                for (int round = 0; round < 2; round++)
                {
                    var microseconds = new double[round == 0 ? Warm : frames];
                    int collections = GC.CollectionCount(0);
                    long before = GC.GetAllocatedBytesForCurrentThread();
                    long start = Stopwatch.GetTimestamp();
                    for (int i = 0; i < microseconds.Length; i++)
                    {
                        WaitUntil(start + (long)(i * Stopwatch.Frequency / hz));
                        long sent = Stopwatch.GetTimestamp();
                        socket.SendAsync(message, WebSocketMessageType.Binary, true, CancellationToken.None).Wait();
                        if (!oneWay)
                            socket.ReceiveAsync(answer, CancellationToken.None).Wait();
                        microseconds[i] = Since(sent);
                    }
                    Report("bare", microseconds, GC.GetAllocatedBytesForCurrentThread() - before, collections);
                }
                socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "", CancellationToken.None).Wait();
            }
        }

        static ChannelHandle[] Handles(BridgeClient client)
        {
            var handles = new ChannelHandle[Seven.Length];
            for (int i = 0; i < handles.Length; i++)
                if (client.Welcome.Channels.ContainsKey(Seven[i].Name))
                    handles[i] = client.Find(Seven[i].Name);
            return handles;
        }

        static void Send(BridgeClient client, ChannelHandle[] handles, long captureUs)
        {
            FrameBuilder frame = client.Frame;
            long lastUs = lastCaptureUs == 0 ? captureUs - 13889 : lastCaptureUs;
            lastCaptureUs = captureUs;
            frame.Begin(captureUs);
            frame.Add(handles[Head], Values, 0, 7, 1, captureUs);
            if (handles[0] == null)
            {
                frame.Send();
                return;
            }
            frame.Add(handles[0], Values, 0, 26 * 7, 1, captureUs);
            frame.Add(handles[1], Values, 0, 26 * 7, 1, captureUs);
            frame.Add(handles[3], Values, 0, 6, 1, captureUs);
            frame.Add(handles[4], Values, 0, 52, 1, captureUs);
            frame.Add(handles[5], Sound, 0, 667, 667, lastUs, (captureUs - lastUs) / 667.0);
            frame.Add(handles[6], Values, 0, 56, 7, lastUs, (captureUs - lastUs) / 7.0);
            frame.Send();
        }

        static void WaitUntil(long timestamp)
        {
            long left;
            while ((left = timestamp - Stopwatch.GetTimestamp()) > 0)
                Thread.Sleep(left * 1000 / Stopwatch.Frequency > 1 ? 1 : 0);
        }

        static double Since(long timestamp)
        {
            return (Stopwatch.GetTimestamp() - timestamp) * 1e6 / Stopwatch.Frequency;
        }

        static void Report(string what, double[] microseconds, long allocated, int collectionsBefore)
        {
            int collections = GC.CollectionCount(0) - collectionsBefore;
            Array.Sort(microseconds);
            Say("{0} frames={1} p50_us={2:0} p99_us={3:0} allocated={4} collections={5}", what,
                microseconds.Length, microseconds[microseconds.Length / 2],
                microseconds[microseconds.Length * 99 / 100], allocated, collections);
        }

        static void Say(string format, params object[] values)
        {
            Console.WriteLine(string.Format(CultureInfo.InvariantCulture, format, values));
        }
    }
}
