using System;
using System.Collections.Generic;
using System.Text;

namespace Fedxr
{
    /// <summary>The messages that a server sends, from their bytes. What does not fit PROTOCOL.md is a
    /// <see cref="FormatException"/> that says what was due; unknown keys are ignored.</summary>
    static class Decoding
    {
        internal const long MostUs = 1L << 53;
        internal const long MostCount = int.MaxValue;
        const long Missing = -1;

        static readonly string[] Types = { "reply", "pong", "cue", "notice", "challenge", "welcome", "bye" };

        /// <summary>Which of the messages it is.</summary>
        internal static string TypeOf(byte[] bytes, int length)
        {
            var reader = new MessagePackReader(bytes, length);
            for (int left = reader.Map(); left > 0; left--)
            {
                reader.Key();
                if (!reader.KeyIs("type"))
                {
                    reader.Skip();
                    continue;
                }
                foreach (string type in Types)
                    if (reader.TakeText(type))
                        return type;
                throw new FormatException("a message of type '" + reader.Text() + "'; a server sends "
                    + string.Join(", ", Types));
            }
            throw new FormatException("a map without the key 'type'");
        }

        /// <summary>Read into <paramref name="reply"/>; what it held before is used again.</summary>
        internal static void Read(byte[] bytes, int length, Reply reply)
        {
            reply.Seq = reply.CaptureUs = Missing;
            bool answered = false;
            var reader = new MessagePackReader(bytes, length);
            for (int left = reader.Map(); left > 0; left--)
            {
                reader.Key();
                if (reader.KeyIs("seq"))
                    reply.Seq = reader.Int(0, MostUs);
                else if (reader.KeyIs("capture_us"))
                    reply.CaptureUs = reader.Int(0, MostUs);
                else if (reader.KeyIs("answers"))
                {
                    ReadAnswers(ref reader, bytes, reply.List);
                    answered = true;
                }
                else
                    reader.Skip();
            }
            if (!answered || reply.Seq < 0 || reply.CaptureUs < 0)
                throw new FormatException("a reply must have seq, capture_us and answers");
            CheckEnd(ref reader);
        }

        static void ReadAnswers(ref MessagePackReader reader, byte[] bytes, List<Answer> answers)
        {
            int count = reader.Map();
            while (answers.Count < count)
                answers.Add(new Answer());
            if (answers.Count > count)
                answers.RemoveRange(count, answers.Count - count);
            for (int i = 0; i < count; i++)
            {
                Answer answer = answers[i];
                reader.Key();
                if (answer.Task == null || !reader.KeyIs(answer.TaskUtf8))
                {
                    answer.Task = reader.KeyText();
                    answer.TaskUtf8 = Encoding.UTF8.GetBytes(answer.Task);
                }
                ReadAnswer(ref reader, bytes, answer);
            }
        }

        static void ReadAnswer(ref MessagePackReader reader, byte[] bytes, Answer answer)
        {
            answer.Model = 0;
            answer.Best = (int)Missing;
            bool probable = false;
            for (int left = reader.Map(); left > 0; left--)
            {
                reader.Key();
                if (reader.KeyIs("model"))
                    answer.Model = (int)reader.Int(0, MostCount);
                else if (reader.KeyIs("best"))
                    answer.Best = (int)reader.Int(0, MostCount);
                else if (reader.KeyIs("p"))
                {
                    int size;
                    int start = reader.Bin(out size);
                    if (size % 4 != 0)
                        throw new FormatException("an answer of " + size + " bytes; due are float32");
                    if (answer.P.Length != size / 4)
                        answer.P = new float[size / 4];
                    Buffer.BlockCopy(bytes, start, answer.P, 0, size);
                    probable = true;
                }
                else
                    reader.Skip();
            }
            if (!probable || answer.Best < 0)
                throw new FormatException("an answer must have p and best");
        }

        internal static Pong ReadPong(byte[] bytes, int length)
        {
            var pong = new Pong { SentUs = Missing, ReceivedUs = Missing, AnsweredUs = Missing };
            var reader = new MessagePackReader(bytes, length);
            for (int left = reader.Map(); left > 0; left--)
            {
                reader.Key();
                if (reader.KeyIs("sent_us"))
                    pong.SentUs = reader.Int(0, MostUs);
                else if (reader.KeyIs("received_us"))
                    pong.ReceivedUs = reader.Int(0, MostUs);
                else if (reader.KeyIs("answered_us"))
                    pong.AnsweredUs = reader.Int(0, MostUs);
                else if (reader.KeyIs("last_seq"))
                    pong.LastSeq = reader.Int(0, MostUs);
                else
                    reader.Skip();
            }
            if (pong.SentUs < 0 || pong.ReceivedUs < 0 || pong.AnsweredUs < 0)
                throw new FormatException("a pong must have sent_us, received_us and answered_us");
            CheckEnd(ref reader);
            return pong;
        }

        /// <summary>What the server wants to see signed.</summary>
        internal static byte[] ReadChallenge(byte[] bytes, int length) =>
            Value<byte[]>(Whole(bytes, length), "nonce");

        internal static Welcome ReadWelcome(byte[] bytes, int length)
        {
            Dictionary<string, object> map = Whole(bytes, length);
            var welcome = new Welcome
            {
                Version = (int)Int(map, "version", MostCount),
                Session = Text(map, "session"),
                Channels = new Dictionary<string, int>(),
                Refused = new Dictionary<string, string>(),
                Tasks = new List<string>(),
                TickUs = Int(map, "tick_us", MostCount),
                ServerUs = Int(map, "server_us", MostUs),
                MaxMessage = (int)Int(map, "max_message", MostCount),
                LastSeq = Int(map, "last_seq", MostUs, 0)
            };
            Dictionary<string, object> channels = Map(map, "channels");
            foreach (string name in channels.Keys)
                welcome.Channels[name] = (int)Int(channels, name, MostCount);
            Dictionary<string, object> refused = Map(map, "refused");
            foreach (string name in refused.Keys)
                welcome.Refused[name] = Text(refused, name);
            foreach (object task in Value<List<object>>(map, "tasks"))
                welcome.Tasks.Add(task as string ?? throw new FormatException("a task that is no text"));
            return welcome;
        }

        /// <summary>An agent's cue is a map of task, act, payload and confidence; what another
        /// application sends is the payload as it is.</summary>
        internal static Cue ReadCue(byte[] bytes, int length)
        {
            Dictionary<string, object> map = Whole(bytes, length);
            Dictionary<string, object> sent = Map(map, "payload", new Dictionary<string, object>());
            var cue = new Cue { Kind = Text(map, "kind"), Task = "", Payload = sent };
            object task, payload, confidence;
            if (sent.TryGetValue("task", out task) && task is string
                && sent.TryGetValue("payload", out payload) && payload is Dictionary<string, object>)
            {
                cue.Task = (string)task;
                cue.Payload = (Dictionary<string, object>)payload;
                if (sent.TryGetValue("confidence", out confidence) && confidence is double)
                    cue.Confidence = (double)confidence;
                else if (confidence is long)
                    cue.Confidence = (long)confidence;
            }
            return cue;
        }

        internal static Notice ReadNotice(byte[] bytes, int length)
        {
            Dictionary<string, object> map = Whole(bytes, length);
            var notice = new Notice(Text(map, "code"), Text(map, "text")) { Seq = Int(map, "seq", MostUs, 0) };
            Dictionary<string, object> counts = Map(map, "counts", new Dictionary<string, object>());
            foreach (string name in counts.Keys)
                notice.Counts[name] = Int(counts, name, long.MaxValue);
            return notice;
        }

        internal static Bye ReadBye(byte[] bytes, int length)
        {
            Dictionary<string, object> map = Whole(bytes, length);
            object again = Value<object>(map, "again", false);
            if (!(again is bool))
                throw new FormatException("'again' must be true or false");
            return new Bye
            {
                Reason = Value(map, "reason", ""),
                Again = (bool)again,
                LastSeq = Int(map, "last_seq", MostUs, 0)
            };
        }

        static void CheckEnd(ref MessagePackReader reader)
        {
            if (!reader.AtEnd)
                throw new FormatException("bytes after the end of a message");
        }

        /// <summary>A rare message, as a map.</summary>
        static Dictionary<string, object> Whole(byte[] bytes, int length)
        {
            var reader = new MessagePackReader(bytes, length);
            var map = reader.Any() as Dictionary<string, object>;
            if (map == null || !reader.AtEnd)
                throw new FormatException("a message must be one map");
            return map;
        }

        static string Text(Dictionary<string, object> map, string key) => Value<string>(map, key);

        static Dictionary<string, object> Map(Dictionary<string, object> map, string key,
            Dictionary<string, object> otherwise = null) => Value(map, key, otherwise);

        static long Int(Dictionary<string, object> map, string key, long most, long? otherwise = null)
        {
            object value = Value<object>(map, key, otherwise);
            if (!(value is long) || (long)value < 0 || (long)value > most)
                throw new FormatException("'" + key + "' must be a whole number from 0 to " + most);
            return (long)value;
        }

        static T Value<T>(Dictionary<string, object> map, string key, T otherwise = null) where T : class
        {
            object value;
            if (!map.TryGetValue(key, out value))
                value = otherwise;
            return value as T ?? throw new FormatException("'" + key + "' is missing, or not of its type");
        }
    }

    /// <summary>The server's answer to a ping: when it was sent, by this clock, and when it arrived and
    /// was answered, by the server's.</summary>
    struct Pong
    {
        internal long SentUs;
        internal long ReceivedUs;
        internal long AnsweredUs;
        internal long LastSeq;
    }
}
