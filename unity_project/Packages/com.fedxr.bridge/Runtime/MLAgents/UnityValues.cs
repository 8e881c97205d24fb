using System;

namespace Fedxr
{
    /// <summary>A channel's bytes as ML-Agents' observations: floats in Unity's coordinates, sound as
    /// -1..1, pictures as 0..1. What reads them in Python turns them back.</summary>
    static class UnityValues
    {
        const int PoseNumbers = 7;

        /// <summary>What is sent before a sensor has given anything: zeros, but orientations that
        /// turn nothing.</summary>
        internal static void Fill(Layout layout, float[] values)
        {
            Array.Clear(values, 0, values.Length);
            int sample = PosedSample(layout);
            for (int at = 0; sample > 0 && at < values.Length; at += sample)
                values[at + PoseNumbers - 1] = 1;
        }

        /// <summary>Read <paramref name="count"/> values from <paramref name="data"/> on.</summary>
        internal static void Read(Layout layout, byte[] data, int offset, int count, float[] to, int at)
        {
            if (layout.Dtype == "f4")
                Buffer.BlockCopy(data, offset, to, 4 * at, 4 * count);
            for (int i = 0; i < count; i++)
                if (layout.Dtype == "i2")
                    to[at + i] = (short)(data[offset + 2 * i] | data[offset + 2 * i + 1] << 8) / 32768f;
                else if (layout.Dtype == "u1")
                    to[at + i] = data[offset + i] / 255f;
            Mirror(layout, to, at, count);
        }

        /// <summary>From right-handed coordinates to Unity's: Z, and with it x and y of rotations,
        /// change sign.</summary>
        static void Mirror(Layout layout, float[] values, int at, int count)
        {
            int sample = PosedSample(layout);
            if (sample > 0)
                for (int i = at; i < at + count; i += sample)
                    for (int k = 2; k < 5; k++)
                        values[i + k] = -values[i + k];
            else if (layout.Name == "gaze/ray" || layout.Name == "spatial/points")
                for (int i = at + 2; i < at + count; i += 3)
                    values[i] = -values[i];
        }

        /// <summary>From one pose to the next in layouts that hold poses; 0 in others.</summary>
        static int PosedSample(Layout layout)
        {
            switch (layout.Name)
            {
                case "motion/head":
                case "hands/openxr26":
                case "hands/webxr25":
                    return PoseNumbers;
                case "motion/controller":
                    return layout.Shape[0];
                default:
                    return 0;
            }
        }
    }
}
