using System;
using System.Collections.Generic;
using System.Globalization;

namespace Fedxr
{
    using Map = Dictionary<string, object>;

    /// <summary>The golden vectors: what a headset sends is encoded to the same bytes, what a server sends
    /// is decoded to the same values, what a server refuses is not sent, and damage to any of them is
    /// a FormatException and nothing else. Prints a line per vector.</summary>
    sealed class Golden
    {
        readonly Map file;
        readonly List<Channel> channels = new List<Channel>();
        int wrong;

        internal Golden(string json)
        {
            file = (Map)Json.Read(json);
            foreach (KeyValuePair<string, object> entry in (Map)file["channels"])
            {
                var channel = (Map)entry.Value;
                channels.Add(new Channel(entry.Key, (string)channel["layout"], 72));
                if ((long)channel["id"] != channels.Count)
                    throw new FormatException("Offline numbers channels in the file's order");
            }
        }

        internal int Run()
        {
            BridgeClient sender = InEpisode(2, 900000);
            foreach (Map vector in (List<object>)file["accepted"])
                Check((string)vector["name"], Accepted(vector, sender));
            foreach (Map vector in (List<object>)file["refused"])
                Check("refused: " + vector["shows"], Refused(vector));
            return wrong == 0 ? 0 : 1;
        }

        void Check(string name, string fault)
        {
            wrong += fault == null ? 0 : 1;
            Console.WriteLine(name + ": " + (fault ?? "ok"));
        }

        string Accepted(Map vector, BridgeClient sender)
        {
            byte[] bytes = Bytes(vector["hex"]);
            var message = (Map)vector["message"];
            object read = new MessagePackReader(bytes, bytes.Length).Any();
            if (!Same(message, read))
                return "decoded to " + Json.Write(read);
            var type = (string)message["type"];
            if (type == "frame")
                return Compare(bytes, Frame(message, sender), true);
            if (type == "hello" || type == "proof" || type == "feedback" || type == "ping" || type == "consent")
                return Compare(bytes, Encoded(type, message), false);
            if (Decoding.TypeOf(bytes, bytes.Length) != type)
                return "taken for another type";
            return Same(message, Decoded(type, bytes, bytes.Length)) ? Damage(type, bytes) : "typed values differ";
        }

        static MessagePackWriter Encoded(string type, Map message)
        {
            var to = new MessagePackWriter();
            if (type == "hello")
                Encode.Hello(to, Options(message), Bytes(message["key"]), Text(message, "resume"), Int(message, "last_seq"));
            else if (type == "proof")
                Encode.Proof(to, Bytes(message["signature"]));
            else if (type == "consent")
                Encode.Consent(to, (bool)message["record"]);
            else if (type == "feedback")
                Encode.Feedback(to, Int(message, "seq"), Text(message, "task"), Int(message, "t_us"),
                    (int)Int(message, "label"), (int)Int(message, "episode"),
                    Text(message, "kind") == "correction" ? FeedbackKind.Correction : FeedbackKind.Label);
            else if (message.ContainsKey("offset_us"))
                Encode.Ping(to, Int(message, "sent_us"), Number(message, "offset_us"), Number(message, "drift_ppm"),
                    Number(message, "uncertainty_us"));
            else
                Encode.Ping(to, Int(message, "sent_us"));
            return to;
        }

        static HeadsetOptions Options(Map hello)
        {
            var options = new HeadsetOptions
            {
                User = Text(hello, "user"),
                Scenario = Text(hello, "scenario"),
                Token = Text(hello, "token"),
                MayBeRecorded = !hello.ContainsKey("record")
            };
            foreach (Map offer in (List<object>)hello["channels"])
                options.Channels.Add(new Channel(Text(offer, "name"), Text(offer, "layout"), Number(offer, "rate_hz")));
            foreach (string task in (List<object>)hello["tasks"])
                options.Tasks.Add(task);
            if (hello.ContainsKey("device"))
                options.Device = (Map)hello["device"];
            return options;
        }

        /// <summary>The typed message as a map again, defaults left out.</summary>
        static Map Decoded(string type, byte[] bytes, int length)
        {
            var map = new Map { { "type", type } };
            switch (type)
            {
                case "welcome":
                    Welcome welcome = Decoding.ReadWelcome(bytes, length);
                    map["version"] = (long)welcome.Version;
                    map["session"] = welcome.Session;
                    map["channels"] = Objects(welcome.Channels);
                    map["refused"] = Objects(welcome.Refused);
                    map["tasks"] = welcome.Tasks.ConvertAll(task => (object)task);
                    map["tick_us"] = welcome.TickUs;
                    map["server_us"] = welcome.ServerUs;
                    map["max_message"] = (long)welcome.MaxMessage;
                    map["last_seq"] = welcome.LastSeq;
                    break;
                case "reply":
                    var reply = new Reply();
                    Decoding.Read(bytes, length, reply);
                    map["seq"] = reply.Seq;
                    map["capture_us"] = reply.CaptureUs;
                    var answers = new Map();
                    foreach (Answer answer in reply.Answers)
                        answers[answer.Task] = new Map
                        {
                            { "p", new Map { { "hex", Hex(answer.P) } } },
                            { "best", (long)answer.Best },
                            { "model", (long)answer.Model }
                        };
                    map["answers"] = answers;
                    break;
                case "cue":
                    Cue cue = Decoding.ReadCue(bytes, length);
                    map["kind"] = cue.Kind;
                    map["payload"] = cue.Payload;
                    break;
                case "pong":
                    Pong pong = Decoding.ReadPong(bytes, length);
                    map["sent_us"] = pong.SentUs;
                    map["received_us"] = pong.ReceivedUs;
                    map["answered_us"] = pong.AnsweredUs;
                    break;
                case "challenge":
                    map["nonce"] = Decoding.ReadChallenge(bytes, length);
                    break;
                case "notice":
                    Notice notice = Decoding.ReadNotice(bytes, length);
                    map["code"] = notice.Code;
                    map["text"] = notice.Text;
                    map["counts"] = Objects(notice.Counts);
                    map["seq"] = notice.Seq;
                    break;
                case "bye":
                    Bye bye = Decoding.ReadBye(bytes, length);
                    if (bye.Reason != "")
                        map["reason"] = bye.Reason;
                    break;
            }
            return map;
        }

        /// <summary>Cut short anywhere, and with any one byte another: refused or understood, no more.</summary>
        static string Damage(string type, byte[] bytes)
        {
            for (int length = 0; length < bytes.Length; length++)
                if (Survives(type, bytes, length))
                    return "understood when cut to " + length + " bytes";
            for (int i = 0; i < bytes.Length; i++)
                for (int value = 0; value < 256; value++)
                {
                    var damaged = (byte[])bytes.Clone();
                    damaged[i] = (byte)value;
                    Survives(type, damaged, damaged.Length);
                }
            return null;
        }

        static bool Survives(string type, byte[] bytes, int length)
        {
            try
            {
                if (Decoding.TypeOf(bytes, length) == type)
                    Decoded(type, bytes, length);
                return true;
            }
            catch (FormatException)
            {
                return false;
            }
        }

        string Refused(Map vector)
        {
            byte[] bytes = Bytes(vector["hex"]);
            if ((string)vector["code"] == "garbage")
            {
                try
                {
                    Decoding.TypeOf(bytes, bytes.Length);
                    return "not refused";
                }
                catch (FormatException error)
                {
                    return error.Message.Length > 10 ? null : "no clear error: " + error.Message;
                }
            }
            BridgeClient sender = InEpisode(0, 1);
            var frame = (Map)new MessagePackReader(bytes, bytes.Length).Any();
            try
            {
                if (Add(sender, (Map)((List<object>)frame["blocks"])[0], Int(frame, "capture_us")))
                    return "not refused";
                Message message;
                return sender.Poll(out message) && ((Notice)message).Code == (string)vector["code"] ? null : "no notice";
            }
            catch (ArgumentException error)
            {
                Console.WriteLine("  " + error.Message);
                return error.Message.StartsWith("channel ") ? null : "no clear error: " + error.Message;
            }
        }

        MessagePackWriter Frame(Map message, BridgeClient sender)
        {
            sender.Frame.Begin(Int(message, "capture_us"));
            foreach (Map block in (List<object>)message["blocks"])
                Add(sender, block, -1);
            sender.Frame.Send();
            var to = new MessagePackWriter();
            sender.Outbox.Take(to);
            return to;
        }

        /// <param name="sender">Whose frame it goes into.</param>
        /// <param name="block">As it stands in the file.</param>
        /// <param name="captureUs">Begin a frame at this time first, unless negative.</param>
        bool Add(BridgeClient sender, Map block, long captureUs)
        {
            if (captureUs >= 0)
                sender.Frame.Begin(captureUs);
            int number = (int)Int(block, "channel"), n = (int)Int(block, "n");
            string name = number <= channels.Count ? channels[number - 1].Name : "number " + number;
            ChannelHandle channel = sender.Find(name);
            byte[] data = Bytes(block["data"]);
            long t0Us = Int(block, "t0_us");
            if (block.ContainsKey("stamps"))
                return sender.Frame.AddStamped(channel, Values<float>(data), Values<long>(Bytes(block["stamps"])), n);
            if (!block.ContainsKey("shape"))
                return sender.Frame.Add(channel, data, 0, data.Length, n, t0Us, Number(block, "period_us"),
                    Number(block, "first"));
            var shape = (List<object>)block["shape"];
            if (!block.ContainsKey("encoding"))
                return sender.Frame.AddPoints(channel, Values<float>(data), (int)(long)shape[0], t0Us);
            return sender.Frame.AddPicture(channel, PictureEncoding.Png, data, 0, data.Length, (int)(long)shape[0],
                (int)(long)shape[1], t0Us);
        }

        /// <summary>A client whose next frame belongs to <paramref name="episode"/>.</summary>
        BridgeClient InEpisode(int episode, long startUs)
        {
            BridgeClient client = Offline.Open(channels.ToArray());
            for (int i = 0; i <= episode; i++)
            {
                client.NewEpisode();
                client.Frame.Begin(startUs - episode + i);
                client.Frame.Send();
                Offline.Take(client);
            }
            return client;
        }

        /// <summary>What differs, if anything; of a frame the number may, as the client counts for itself.</summary>
        static string Compare(byte[] due, MessagePackWriter got, bool counted)
        {
            if (due.Length != got.Length)
                return got.Length + " bytes; due are " + due.Length;
            int differing = 0;
            for (int i = 0; i < due.Length; i++)
                differing += due[i] == got.Bytes[i] ? 0 : 1;
            return differing == (counted ? 1 : 0) ? null : differing + " bytes differ";
        }

        static bool Same(object due, object got)
        {
            var map = due as Map;
            if (map == null)
            {
                var list = due as List<object>;
                if (list == null)
                    return Equals(due, got);
                var other = got as List<object>;
                bool same = other != null && other.Count == list.Count;
                for (int i = 0; same && i < list.Count; i++)
                    same = Same(list[i], other[i]);
                return same;
            }
            if (map.ContainsKey("hex") && got is byte[])
                return (string)map["hex"] == Hex((byte[])got);
            var others = got as Map;
            if (others == null || others.Count != map.Count)
                return false;
            foreach (string key in map.Keys)
                if (!others.ContainsKey(key) || !Same(map[key], others[key]))
                    return false;
            return true;
        }

        static Map Objects<T>(Dictionary<string, T> typed)
        {
            var map = new Map();
            foreach (KeyValuePair<string, T> entry in typed)
                map[entry.Key] = entry.Value is int ? Convert.ToInt64(entry.Value) : (object)entry.Value;
            return map;
        }

        static T[] Values<T>(byte[] data)
        {
            var values = new T[data.Length / (typeof(T) == typeof(long) ? 8 : 4)];
            Buffer.BlockCopy(data, 0, values, 0, Buffer.ByteLength(values));
            return values;
        }

        static byte[] Bytes(object hex)
        {
            var bytes = hex as byte[];
            if (bytes != null)
                return bytes;
            var text = hex as string ?? (string)((Map)hex)["hex"];
            bytes = new byte[text.Length / 2];
            for (int i = 0; i < bytes.Length; i++)
                bytes[i] = byte.Parse(text.Substring(2 * i, 2), NumberStyles.HexNumber);
            return bytes;
        }

        static string Hex(Array values)
        {
            var bytes = new byte[Buffer.ByteLength(values)];
            Buffer.BlockCopy(values, 0, bytes, 0, bytes.Length);
            return BitConverter.ToString(bytes).Replace("-", "").ToLowerInvariant();
        }

        static string Text(Map map, string key) => map.ContainsKey(key) ? (string)map[key] : null;

        static long Int(Map map, string key) => map.ContainsKey(key) ? (long)map[key] : 0;

        static double Number(Map map, string key) => map.ContainsKey(key) ? (double)map[key] : 0;
    }
}
