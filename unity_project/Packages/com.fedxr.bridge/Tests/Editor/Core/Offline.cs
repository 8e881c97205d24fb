using System.Collections.Generic;

namespace Fedxr
{
    /// <summary>A client that was welcomed by nobody: what it sends can be taken out of it.</summary>
    static class Offline
    {
        /// <summary>Accepted channels are numbered from 1, in the order given.</summary>
        internal static BridgeClient Open(params Channel[] channels)
        {
            return Open(new HeadsetOptions { Scenario = "overlays" }, channels);
        }

        internal static BridgeClient Open(HeadsetOptions options, params Channel[] channels)
        {
            options.Channels.AddRange(channels);
            var client = new BridgeClient(options);
            client.Link.TakeUp(Welcome(channels), 0);
            return client;
        }

        internal static Welcome Welcome(params Channel[] accepted)
        {
            var welcome = new Welcome
            {
                Version = 1,
                Session = "session",
                Channels = new Dictionary<string, int>(),
                Refused = new Dictionary<string, string>(),
                Tasks = new List<string> { "emotion" },
                TickUs = 33333,
                MaxMessage = 4 * 1024 * 1024
            };
            foreach (Channel channel in accepted)
                welcome.Channels.Add(channel.Name, welcome.Channels.Count + 1);
            return welcome;
        }

        /// <summary>The next message that would go out, as a map; null when there is none.</summary>
        internal static Dictionary<string, object> Take(BridgeClient client)
        {
            var writer = new MessagePackWriter();
            if (!client.Outbox.Take(writer))
                return null;
            return (Dictionary<string, object>)new MessagePackReader(writer.Bytes, writer.Length).Any();
        }
    }
}
