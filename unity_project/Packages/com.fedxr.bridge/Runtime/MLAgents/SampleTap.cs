using System;
using System.Collections.Generic;
using UnityEngine;

namespace Fedxr
{
    /// <summary>Takes what sensors add to a frame. A client that is never started puts the frames
    /// together, so that sensors need not know where their samples go.</summary>
    sealed class SampleTap
    {
        readonly BridgeClient client;
        readonly MessagePackWriter message = new MessagePackWriter();

        internal SampleTap(List<Sensor> sensors)
        {
            var options = new HeadsetOptions { User = "ml-agents", Scenario = "ml-agents" };
            var numbers = new Dictionary<string, int>();
            foreach (Sensor sensor in sensors)
            {
                options.Channels.Add(sensor.Offer());
                numbers[sensor.ChannelName] = numbers.Count + 1;
            }
            client = new BridgeClient(options);
            client.Link.TakeUp(new Welcome
            {
                Session = "",
                Channels = numbers,
                Refused = new Dictionary<string, string>(),
                Tasks = new List<string>(),
                MaxMessage = int.MaxValue,
            }, 0);
            foreach (Sensor sensor in sensors)
                sensor.Channel = client.Find(sensor.ChannelName);
        }

        /// <summary>The samples that <see cref="Take"/> found, in the layout's dtype.</summary>
        internal byte[] Data => message.Bytes;

        /// <summary>Where they begin in <see cref="Data"/>.</summary>
        internal int Offset { get; private set; }

        /// <summary>How many they are.</summary>
        internal int N { get; private set; }

        /// <summary>Have a sensor sample; false when there is nothing new.</summary>
        internal bool Take(Sensor sensor, long captureUs)
        {
            client.Frame.Begin(captureUs);
            try
            {
                if (!sensor.Sample(captureUs, client.Frame))
                    return false;
            }
            catch (Exception error)
            {
                sensor.enabled = false; // told once; the other sensors go on
                Debug.LogError("fedxr: sensor " + sensor.ChannelName + " is switched off: " + error, sensor);
                return false;
            }
            client.Frame.Send();
            bool taken = client.Outbox.Take(message);
            client.Outbox.Acknowledge(long.MaxValue); // nothing is to be sent again
            return taken && Read();
        }

        bool Read()
        {
            var reader = new MessagePackReader(message.Bytes, message.Length);
            for (int keys = reader.Map(); keys > 0; keys--)
            {
                reader.Key();
                if (!reader.KeyIs("blocks"))
                    reader.Skip();
                else if (reader.List() == 1)
                    return ReadBlock(reader);
                else
                    return false; // what was due could not be taken, for example a NaN
            }
            return false;
        }

        bool ReadBlock(MessagePackReader reader)
        {
            for (int keys = reader.Map(); keys > 0; keys--)
            {
                reader.Key();
                int length;
                if (reader.KeyIs("n"))
                    N = (int)reader.Int(1, int.MaxValue);
                else if (reader.KeyIs("data"))
                    Offset = reader.Bin(out length);
                else
                    reader.Skip();
            }
            return true;
        }
    }
}
