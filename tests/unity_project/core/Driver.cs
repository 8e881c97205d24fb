using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Threading;

namespace Fedxr
{
    /// <summary>A headset that a test drives by lines on standard input; what it hears, and how it
    /// stands, goes to standard output, one line each.</summary>
    sealed class Driver
    {
        readonly Queue<string> lines = new Queue<string>();
        readonly BridgeClient client;
        readonly HeadsetOptions options;
        ConnectionState told = ConnectionState.Idle;
        string toldTrouble = "";
        bool over;

        internal Driver(HeadsetOptions options)
        {
            this.options = options;
            client = new BridgeClient(options);
        }

        internal void Run()
        {
            new Thread(Read) { IsBackground = true }.Start();
            while (!over)
            {
                string line = Next();
                if (line != null)
                    Do(line.Split(' '));
                else
                    Thread.Sleep(1);
                Tell();
            }
        }

        void Do(string[] words)
        {
            try
            {
                switch (words[0])
                {
                    case "start":
                        client.Start();
                        break;
                    case "frame":
                        Frame(long.Parse(words[1]));
                        break;
                    case "frames": // first last step-ms
                        for (long t = long.Parse(words[1]); t <= long.Parse(words[2]); t++)
                        {
                            Frame(t);
                            if (words[3] != "0")
                                Thread.Sleep(int.Parse(words[3]));
                        }
                        Say("done");
                        break;
                    case "feedback":
                        Say("feedback " + client.SendFeedback(words[1], long.Parse(words[2]), int.Parse(words[3]),
                            (FeedbackKind)Enum.Parse(typeof(FeedbackKind), words[4])));
                        break;
                    case "picture": // channel file height width t
                        byte[] file = File.ReadAllBytes(words[2]);
                        client.Frame.Begin(long.Parse(words[5]));
                        client.Frame.AddPicture(client.Find(words[1]), PictureEncoding.Jpeg, file, 0, file.Length,
                            int.Parse(words[3]), int.Parse(words[4]), long.Parse(words[5]));
                        client.Frame.Send();
                        break;
                    case "record":
                        client.MayBeRecorded = bool.Parse(words[1]);
                        break;
                    case "episode":
                        client.NewEpisode();
                        break;
                    case "channels":
                        foreach (Channel channel in options.Channels)
                        {
                            ChannelHandle handle = client.Find(channel.Name);
                            Say("channel " + channel.Name + " " + handle.Accepted + " " + handle.Dropped + " "
                                + handle.Refusal);
                        }
                        Say("done");
                        break;
                    case "stats":
                        ClientStats stats = client.Stats;
                        Say(string.Format(CultureInfo.InvariantCulture, "stats {0} {1} {2} {3} {4} {5} {6} {7} {8}",
                            stats.FramesSent, stats.FramesDropped, stats.BlocksDropped, stats.Unacknowledged,
                            stats.Reconnects, stats.BytesSent, stats.RoundTripUs, stats.OffsetUs,
                            stats.UncertaintyUs));
                        break;
                    case "close":
                        client.Dispose();
                        over = true;
                        break;
                }
            }
            catch (Exception error)
            {
                Say("error " + error.GetType().Name + " " + error.Message);
            }
        }

        void Frame(long captureUs)
        {
            client.Frame.Begin(captureUs);
            foreach (Channel channel in options.Channels)
                if (!Samples.Add(client.Frame, client.Find(channel.Name), captureUs))
                    Say("untaken " + channel.Name + " " + captureUs);
            if (!client.Frame.Send())
                Say("error unsent " + captureUs);
        }

        void Tell()
        {
            Message message;
            while (client.Poll(out message))
                Say(Describe(message));
            if (client.State == told && client.Trouble == toldTrouble)
                return;
            told = client.State;
            toldTrouble = client.Trouble;
            Say("state " + told + " " + toldTrouble);
        }

        static string Describe(Message message)
        {
            var reply = message as Reply;
            if (reply != null)
            {
                Answer answer = reply.Answers[0];
                return string.Format(CultureInfo.InvariantCulture, "reply {0} {1} {2} {3} {4} {5}", reply.Seq,
                    reply.CaptureUs, answer.Task, answer.Best, answer.Confidence, answer.Model);
            }
            var cue = message as Cue;
            if (cue != null)
                return string.Format(CultureInfo.InvariantCulture, "cue {0} {1} {2} {3}", cue.Kind, cue.Task,
                    cue.Confidence, Json.Write(cue.Payload));
            var notice = message as Notice;
            if (notice != null)
                return "notice " + notice.Code + " " + notice.Seq + " " + notice.Text;
            return "bye " + ((Bye)message).Again + " " + ((Bye)message).Reason;
        }

        static void Say(string line)
        {
            Console.Out.WriteLine(line);
            Console.Out.Flush();
        }

        string Next()
        {
            lock (lines)
                return lines.Count > 0 ? lines.Dequeue() : null;
        }

        void Read()
        {
            string line;
            while ((line = Console.In.ReadLine()) != null)
                lock (lines)
                    lines.Enqueue(line);
            lock (lines)
                lines.Enqueue("close");
        }
    }
}
