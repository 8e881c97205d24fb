using System;

namespace Fedxr
{
    /// <summary>Made-up samples whose every bit depends on when they were taken; core_rig.py makes the
    /// same ones.</summary>
    static class Samples
    {
        internal const int Height = 4;
        internal const int Width = 5;
        internal const int SoundBlock = 320;
        const double SoundPeriodUs = 62.5;

        internal static bool Add(FrameBuilder frame, ChannelHandle channel, long t)
        {
            Layout layout = channel.Channel.Layout;
            var bits = new Bits((uint)t);
            if (layout.Name == "audio/pcm16")
                return frame.Add(channel, bits.Shorts(SoundBlock), 0, SoundBlock, SoundBlock,
                    t - (long)(SoundBlock * SoundPeriodUs), SoundPeriodUs, 0.5);
            if (layout.Name == "spatial/points")
                return frame.AddPoints(channel, bits.Floats(3 * Width), Width, t);
            if (layout.Name == "gaze/pupil")
                return frame.AddStamped(channel, bits.Floats(6), new[] { t - 2, t - 2, t }, 3);
            if (layout.IsFree)
            {
                int values = Height * Width * (layout.Shape.Length == 3 ? 3 : 1);
                byte[] data = new byte[values * (layout.Dtype == "f4" ? 4 : 1)];
                if (layout.Dtype == "f4")
                    Buffer.BlockCopy(bits.Floats(values), 0, data, 0, data.Length);
                else
                    for (int i = 0; i < values; i++)
                        data[i] = (byte)(bits.Next() >> 24);
                return frame.AddPicture(channel, PictureEncoding.Raw, data, 0, data.Length, Height, Width, t);
            }
            return frame.Add(channel, bits.Floats(layout.SampleBytes / 4), 0, layout.SampleBytes / 4, 1, t);
        }
    }

    /// <summary>Numbers from a linear congruence (Knuth), the same in every language.</summary>
    struct Bits
    {
        uint state;

        internal Bits(uint seed)
        {
            state = seed;
        }

        internal uint Next()
        {
            return state = unchecked(state * 1664525 + 1013904223);
        }

        internal short[] Shorts(int count)
        {
            var made = new short[count];
            for (int i = 0; i < count; i++)
                made[i] = (short)(Next() >> 16);
            return made;
        }

        /// <summary>From 0.5 to 1, the mantissa taken from the high bits.</summary>
        internal float[] Floats(int count)
        {
            var made = new float[count];
            for (int i = 0; i < count; i++)
                made[i] = new SingleBits { Bits = 0x3f000000 | Next() >> 9 }.Value;
            return made;
        }
    }
}
