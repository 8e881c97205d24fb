using System;
using System.Collections.Generic;
using UnityEngine;

namespace Fedxr
{
    /// <summary>What comes on the side channel, told to the scene as if the websocket had brought it.</summary>
    sealed class AgentMessages
    {
        readonly HeadsetConnection connection;
        readonly Func<long> nowUs;

        internal AgentMessages(HeadsetConnection connection, Func<long> nowUs)
        {
            this.connection = connection;
            this.nowUs = nowUs;
        }

        /// <summary>Whether an agent answers here.</summary>
        internal bool Welcomed { get; private set; }

        internal void Take(JsonMap message)
        {
            switch (message.Text("type"))
            {
                case "welcome":
                    Welcome(message);
                    break;
                case "answers":
                    connection.Hear(ReplyOf(message), nowUs());
                    break;
                case "cue":
                    connection.Hear(CueOf(message.Text("kind"), message.Map("payload")));
                    break;
                case "notice":
                    connection.Hear(NoticeOf(message));
                    break;
                case "ended":
                    Debug.LogWarning("fedxr: the session has ended: " + message.Text("why"), connection);
                    break;
            }
        }

        void Welcome(JsonMap message)
        {
            Welcomed = true;
            var tasks = new List<string>();
            foreach (JsonMap task in message.Maps("tasks"))
                tasks.Add(task.Text("task"));
            Debug.Log("fedxr: connected through ML-Agents; session " + message.Text("session") + ", tasks "
                + string.Join(", ", tasks.ToArray()), connection);
            foreach (JsonMap refused in message.Maps("refused"))
                Debug.LogWarning("fedxr: channel " + refused.Text("channel") + " is not taken: "
                    + refused.Text("why"), connection);
        }

        static Reply ReplyOf(JsonMap message)
        {
            var reply = new Reply { CaptureUs = (long)message.Number("us") };
            foreach (JsonMap answer in message.Maps("answers"))
                reply.List.Add(new Answer
                {
                    Task = answer.Text("task"),
                    Best = (int)answer.Number("best"),
                    P = Array.ConvertAll(answer.Numbers("p"), p => (float)p),
                });
            return reply;
        }

        static Cue CueOf(string kind, JsonMap said) => new Cue
        {
            Kind = kind,
            Task = said.Has("task") ? said.Text("task") : "",
            Confidence = said.Has("confidence") ? said.Number("confidence") : 0,
            Payload = said.Has("payload") ? said.Map("payload").ToDictionary() : new Dictionary<string, object>(),
        };

        /// <summary>What the scenario asks for class <paramref name="label"/> of a task; -1, or a class
        /// that asks for nothing, takes back what there was.</summary>
        internal static Cue CueOf(ScenarioTask task, int label)
        {
            string name = label < 0 ? null : task.Classes[label];
            string act = name == null ? null : task.ActOf(name);
            return new Cue
            {
                Kind = act ?? "clear",
                Task = task.Name,
                Confidence = 1,
                Payload = act == null ? new Dictionary<string, object>() : task.PayloadOf(name),
            };
        }

        static Notice NoticeOf(JsonMap message)
        {
            var notice = new Notice(message.Text("code"), message.Text("text"));
            if (message.Has("counts"))
                foreach (JsonMap count in message.Maps("counts"))
                    notice.Counts[count.Text("what")] = (long)count.Number("n");
            return notice;
        }
    }
}
