using System;

namespace Fedxr
{
    /// <summary>Whether samples fit their layout. The server would refuse them, and the session after
    /// twenty such messages; here it is an <see cref="ArgumentException"/> where they are made.</summary>
    static class SampleCheck
    {
        const long MostPixels = 1 << 20;
        static readonly byte[] PngStart = { 0x89, (byte)'P', (byte)'N', (byte)'G' };
        static readonly byte[] JpegStart = { 0xff, 0xd8, 0xff };

        internal static void Dtype(ChannelHandle channel, string dtype)
        {
            Layout layout = channel.Channel.Layout;
            if (layout.Dtype != dtype)
                throw Wrong(channel, "values are " + dtype + "; " + layout + " is " + layout.Dtype);
        }

        internal static void Fixed(ChannelHandle channel, Array data, int byteOffset, int count, int n)
        {
            Layout layout = channel.Channel.Layout;
            if (layout.IsFree)
                throw Wrong(channel, "a sample of " + layout + " brings its own size; use AddPicture or AddPoints");
            if (n < 1)
                throw Wrong(channel, n + " samples; at least one is due");
            if (count != (long)n * layout.SampleBytes)
                throw Wrong(channel, count + " bytes for " + n + " samples; " + layout + " has "
                    + layout.SampleBytes + " bytes a sample");
            Inside(channel, data, byteOffset, count);
        }

        /// <summary>Values of one sample with <paramref name="cells"/> pixels or points.</summary>
        internal static void Free(ChannelHandle channel, Array data, int byteOffset, int count, long cells)
        {
            Layout layout = channel.Channel.Layout;
            long due = cells * (layout.Dtype[1] - '0');
            foreach (int size in layout.Shape)
                due *= size == 0 ? 1 : size;
            if (cells < 1 || count != due)
                throw Wrong(channel, count + " bytes for a sample of " + cells + " cells; due are " + due);
            Inside(channel, data, byteOffset, count);
        }

        internal static void Picture(ChannelHandle channel, PictureEncoding encoding, byte[] data,
            int offset, int count, int height, int width)
        {
            if (channel.Channel.Layout.Modality != "vision")
                throw Wrong(channel, encoding + " is for vision only; send raw values");
            if (height < 1 || width < 1 || (long)height * width > MostPixels)
                throw Wrong(channel, height + " x " + width + " pixels; allowed are 1 to " + MostPixels + " in all");
            Inside(channel, data, offset, count);
            byte[] start = encoding == PictureEncoding.Png ? PngStart : JpegStart;
            for (int i = 0; i < start.Length; i++)
                if (i >= count || data[offset + i] != start[i])
                    throw Wrong(channel, "the data are no " + encoding + " file");
        }

        /// <summary>Stamps must neither go back behind the channel's last sample nor lie after the
        /// frame's capture time.</summary>
        internal static void Times(ChannelHandle channel, long firstUs, long lastUs, long captureUs)
        {
            if (firstUs < channel.LastUs)
                throw Wrong(channel, "starts at " + firstUs + " us, before " + channel.LastUs
                    + " us that was sent already; send in time order or call NewEpisode");
            if (lastUs < firstUs || lastUs > captureUs)
                throw Wrong(channel, "a sample at " + lastUs + " us lies after the frame's capture time "
                    + captureUs);
        }

        /// <summary>Whether no value of a float32 layout is NaN or infinite.</summary>
        internal static bool IsFinite(ChannelHandle channel, Array data, int byteOffset, int count)
        {
            if (channel.Channel.Layout.Dtype != "f4")
                return true;
            var values = data as float[];
            if (values != null)
            {
                for (int i = byteOffset / 4; i < (byteOffset + count) / 4; i++)
                    if (float.IsNaN(values[i]) || float.IsInfinity(values[i]))
                        return false;
                return true;
            }
            var bytes = (byte[])data;
            for (int i = byteOffset + 2; i < byteOffset + count; i += 4)
                if ((bytes[i] & 0x80) != 0 && (bytes[i + 1] & 0x7f) == 0x7f)
                    return false;
            return true;
        }

        internal static ArgumentException Wrong(ChannelHandle channel, string what)
        {
            return new ArgumentException("channel " + channel.Channel.Name + ": " + what);
        }

        static void Inside(ChannelHandle channel, Array data, int byteOffset, int count)
        {
            if (byteOffset < 0 || byteOffset + (long)count > Buffer.ByteLength(data))
                throw Wrong(channel, "bytes " + byteOffset + " to " + (byteOffset + (long)count)
                    + " of an array of " + Buffer.ByteLength(data));
        }
    }
}
