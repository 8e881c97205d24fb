using System;
using System.Collections.Generic;
using System.IO;
using System.Text;
using UnityEngine;

namespace Unity.MLAgents.SideChannels
{
    public abstract class SideChannel
    {
        internal readonly List<byte[]> Waiting = new List<byte[]>();

        public Guid ChannelId { get; protected set; }

        protected abstract void OnMessageReceived(IncomingMessage msg);

        protected void QueueMessageToSend(OutgoingMessage msg) => Waiting.Add(msg.ToByteArray());

        internal void Receive(byte[] message)
        {
            try
            {
                using (var incoming = new IncomingMessage(message))
                    OnMessageReceived(incoming);
            }
            catch (Exception error) // as the package: logged, and the message skipped
            {
                Debug.LogError("Error processing SideChannel message: " + error);
            }
        }
    }

    public class OutgoingMessage : IDisposable
    {
        readonly MemoryStream stream = new MemoryStream();

        public void SetRawBytes(byte[] data)
        {
            stream.SetLength(0);
            stream.Write(data, 0, data.Length);
        }

        internal byte[] ToByteArray() => stream.ToArray();
        public void Dispose() => stream.Dispose();
    }

    public class IncomingMessage : IDisposable
    {
        readonly byte[] data;
        readonly BinaryReader reader;

        public IncomingMessage(byte[] buffer)
        {
            data = buffer;
            reader = new BinaryReader(new MemoryStream(buffer));
        }

        public int ReadInt32(int defaultValue = 0) => reader.ReadInt32();
        public float ReadFloat32(float defaultValue = 0) => reader.ReadSingle();
        public string ReadString(string defaultValue = null) => Encoding.ASCII.GetString(reader.ReadBytes(reader.ReadInt32()));
        public byte[] GetRawBytes() => data;
        public void Dispose() => reader.Dispose();
    }

    /// <summary>A message on the wire: the channel's 16 bytes, an int32 length, the bytes.</summary>
    public static class SideChannelManager
    {
        static readonly Dictionary<Guid, SideChannel> registered = new Dictionary<Guid, SideChannel>();
        static readonly List<KeyValuePair<Guid, byte[]>> early = new List<KeyValuePair<Guid, byte[]>>();

        public static void RegisterSideChannel(SideChannel sideChannel)
        {
            registered.Add(sideChannel.ChannelId, sideChannel);
            foreach (KeyValuePair<Guid, byte[]> one in early.ToArray())
                if (one.Key == sideChannel.ChannelId)
                {
                    early.Remove(one);
                    sideChannel.Receive(one.Value);
                }
        }

        public static void UnregisterSideChannel(SideChannel sideChannel) => registered.Remove(sideChannel.ChannelId);

        internal static byte[] Collect()
        {
            var stream = new MemoryStream();
            var writer = new BinaryWriter(stream);
            foreach (SideChannel channel in registered.Values)
            {
                foreach (byte[] message in channel.Waiting)
                {
                    writer.Write(channel.ChannelId.ToByteArray());
                    writer.Write(message.Length);
                    writer.Write(message);
                }
                channel.Waiting.Clear();
            }
            return stream.ToArray();
        }

        internal static void Process(byte[] data)
        {
            var reader = new BinaryReader(new MemoryStream(data));
            while (reader.BaseStream.Position < data.Length)
            {
                var id = new Guid(reader.ReadBytes(16));
                byte[] message = reader.ReadBytes(reader.ReadInt32());
                SideChannel channel;
                if (registered.TryGetValue(id, out channel))
                    channel.Receive(message);
                else
                    early.Add(new KeyValuePair<Guid, byte[]>(id, message));
            }
        }
    }
}
