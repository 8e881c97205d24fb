using System;
using System.Globalization;
using System.Text;
using Unity.MLAgents.SideChannels;

namespace Fedxr
{
    /// <summary>What ML-Agents has no place for, both ways: JSON on a side channel of our own.
    /// docs/unity.md lists the messages.</summary>
    public sealed class SceneChannel : SideChannel
    {
        /// <summary>The channel's id, the same in Python.</summary>
        public static readonly Guid Id = new Guid("5c0f7a3e-3b1d-4f0e-9a43-6f9f1d0c7b11");

        /// <summary>A message has come: a map with <c>type</c> and <c>agent</c>.</summary>
        public event Action<JsonMap> Received;

        /// <summary>A channel that is not registered yet (SideChannelManager.RegisterSideChannel).</summary>
        public SceneChannel()
        {
            ChannelId = Id;
        }

        /// <summary>Say when the observations of this step are taken.</summary>
        /// <param name="us">Microseconds on the scene's clock.</param>
        public void Stamp(long us) => Send("{\"type\":\"time\",\"us\":" + Number(us) + "}");

        /// <summary>Pass on what the user says.</summary>
        /// <param name="task">The task it is about.</param>
        /// <param name="label">The class that was right, as an index.</param>
        /// <param name="us">The moment it is about, on the scene's clock; 0: now.</param>
        public void Say(string task, int label, long us) => Send("{\"type\":\"feedback\",\"task\":"
            + Quoted(task) + ",\"label\":" + Number(label) + ",\"us\":" + Number(us) + "}");

        /// <inheritdoc/>
        protected override void OnMessageReceived(IncomingMessage msg)
        {
            if (Received != null)
                Received(JsonMap.Parse(Encoding.UTF8.GetString(msg.GetRawBytes())));
        }

        void Send(string json)
        {
            using (var message = new OutgoingMessage())
            {
                message.SetRawBytes(Encoding.UTF8.GetBytes(json));
                QueueMessageToSend(message);
            }
        }

        static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

        static string Quoted(string text)
        {
            var quoted = new StringBuilder("\"");
            foreach (char c in text)
                if (c == '"' || c == '\\')
                    quoted.Append('\\').Append(c);
                else if (c < ' ')
                    quoted.Append("\\u").Append(((int)c).ToString("x4", CultureInfo.InvariantCulture));
                else
                    quoted.Append(c);
            return quoted.Append('"').ToString();
        }
    }
}
