using System;
using System.Collections.Generic;

namespace UnityEngine.Stub
{
    /// <summary>
    /// A baseline JPEG encoder (ITU-T T.81): gray, or YCbCr without subsampling. The tables are those
    /// of the standard's annex K; one Huffman table pair serves all components.
    /// </summary>
    sealed class Jpeg
    {
        static readonly byte[] zigzag =
        {
            0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21,
            28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61,
            54, 47, 55, 62, 63,
        };

        static readonly byte[] luminance =
        {
            16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51,
            87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101,
            72, 92, 95, 98, 112, 100, 103, 99,
        };

        static readonly byte[] dcCounts = { 0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0 };
        static readonly byte[] dcValues = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 };
        static readonly byte[] acCounts = { 0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125 };

        static readonly byte[] acValues = Hex(
            "01020300041105122131410613516107227114328191A1082342B1C11552D1F02433627282090A161718191A25262728292A3435363738393A" +
            "434445464748494A535455565758595A636465666768696A737475767778797A838485868788898A92939495969798999AA2A3A4A5A6A7A8A9" +
            "AAB2B3B4B5B6B7B8B9BAC2C3C4C5C6C7C8C9CAD2D3D4D5D6D7D8D9DAE1E2E3E4E5E6E7E8E9EAF1F2F3F4F5F6F7F8F9FA");

        static readonly int[] dcCodes = Codes(dcCounts, dcValues), acCodes = Codes(acCounts, acValues);
        static readonly double[] cosines = Cosines();

        readonly List<byte> output = new List<byte>();
        readonly byte[] steps = new byte[64];
        readonly double[] rows = new double[64];
        int bits, bitCount;

        /// <param name="pixels">The lowest row first; JPEG has the top one first.</param>
        internal static byte[] Encode(Color32[] pixels, int width, int height, bool gray, int quality)
        {
            return new Jpeg(quality).Picture(pixels, width, height, gray ? 1 : 3);
        }

        Jpeg(int quality)
        {
            int q = Math.Max(1, Math.Min(100, quality)), scale = q < 50 ? 5000 / q : 200 - 2 * q;
            for (int i = 0; i < 64; i++)
                steps[i] = (byte)Math.Max(1, Math.Min(255, (luminance[i] * scale + 50) / 100));
        }

        byte[] Picture(Color32[] pixels, int width, int height, int parts)
        {
            Header(width, height, parts);
            var last = new int[parts];
            var block = new double[64];
            for (int y = 0; y < height; y += 8)
                for (int x = 0; x < width; x += 8)
                    for (int part = 0; part < parts; part++)
                    {
                        for (int i = 0; i < 64; i++)
                        {
                            int row = height - 1 - Math.Min(y + i / 8, height - 1), column = Math.Min(x + i % 8, width - 1);
                            block[i] = Part(pixels[row * width + column], part, parts) - 128;
                        }
                        last[part] = Block(block, last[part]);
                    }
            Bits(0x7F, 7);
            Bytes(0xFF, 0xD9);
            return output.ToArray();
        }

        static double Part(Color32 c, int part, int parts)
        {
            if (parts == 1)
                return c.r;
            return part == 0 ? 0.299 * c.r + 0.587 * c.g + 0.114 * c.b
                : part == 1 ? 128 - 0.168736 * c.r - 0.331264 * c.g + 0.5 * c.b
                : 128 + 0.5 * c.r - 0.418688 * c.g - 0.081312 * c.b;
        }

        void Header(int width, int height, int parts)
        {
            Bytes(0xFF, 0xD8, 0xFF, 0xE0, 0, 16, 'J', 'F', 'I', 'F', 0, 1, 1, 0, 0, 1, 0, 1, 0, 0, 0xFF, 0xDB, 0, 67, 0);
            for (int i = 0; i < 64; i++)
                Bytes(steps[zigzag[i]]);
            Bytes(0xFF, 0xC0, 0, 8 + 3 * parts, 8, height >> 8, height & 255, width >> 8, width & 255, parts);
            for (int part = 1; part <= parts; part++)
                Bytes(part, 0x11, 0);
            Table(0x00, dcCounts, dcValues);
            Table(0x10, acCounts, acValues);
            Bytes(0xFF, 0xDA, 0, 6 + 2 * parts, parts);
            for (int part = 1; part <= parts; part++)
                Bytes(part, 0);
            Bytes(0, 63, 0);
        }

        void Table(int name, byte[] counts, byte[] values)
        {
            Bytes(0xFF, 0xC4, 0, 19 + values.Length, name);
            output.AddRange(counts);
            output.AddRange(values);
        }

        /// <summary>One 8 x 8 block; returns its mean, from which the next one's is told.</summary>
        int Block(double[] block, int last)
        {
            double[] found = Transform(block);
            var levels = new int[64];
            for (int i = 0; i < 64; i++)
                levels[i] = (int)Math.Round(found[zigzag[i]] / steps[zigzag[i]]);
            Level(dcCodes, 0, levels[0] - last);
            int end = 63;
            while (end > 0 && levels[end] == 0)
                end--;
            for (int i = 1, zeros = 0; i <= end; i++)
            {
                if (levels[i] == 0)
                {
                    zeros++;
                    continue;
                }
                for (; zeros > 15; zeros -= 16)
                    Code(acCodes[0xF0]);
                Level(acCodes, zeros << 4, levels[i]);
                zeros = 0;
            }
            if (end < 63)
                Code(acCodes[0]);
            return levels[0];
        }

        /// <summary>A code for the number's length, then as many bits of it.</summary>
        void Level(int[] codes, int run, int value)
        {
            int size = 0;
            for (int rest = Math.Abs(value); rest > 0; rest >>= 1)
                size++;
            Code(codes[run | size]);
            Bits((value < 0 ? value - 1 : value) & ((1 << size) - 1), size);
        }

        void Code(int code) => Bits(code & 0xFFFF, code >> 16);

        void Bits(int value, int count)
        {
            for (int i = count - 1; i >= 0; i--)
            {
                bits = (bits << 1) | ((value >> i) & 1);
                if (++bitCount < 8)
                    continue;
                output.Add((byte)bits);
                if ((byte)bits == 0xFF)
                    output.Add(0);
                bits = bitCount = 0;
            }
        }

        void Bytes(params int[] values)
        {
            foreach (int one in values)
                output.Add((byte)one);
        }

        /// <summary>The discrete cosine transform, rows and then columns.</summary>
        double[] Transform(double[] block)
        {
            var found = new double[64];
            for (int y = 0; y < 8; y++)
                for (int u = 0; u < 8; u++)
                {
                    double sum = 0;
                    for (int x = 0; x < 8; x++)
                        sum += block[y * 8 + x] * cosines[u * 8 + x];
                    rows[y * 8 + u] = sum;
                }
            for (int v = 0; v < 8; v++)
                for (int u = 0; u < 8; u++)
                {
                    double sum = 0;
                    for (int y = 0; y < 8; y++)
                        sum += rows[y * 8 + u] * cosines[v * 8 + y];
                    found[v * 8 + u] = sum;
                }
            return found;
        }

        static double[] Cosines()
        {
            var made = new double[64];
            for (int u = 0; u < 8; u++)
                for (int x = 0; x < 8; x++)
                    made[u * 8 + x] = (u == 0 ? Math.Sqrt(0.125) : 0.5) * Math.Cos((2 * x + 1) * u * Math.PI / 16);
            return made;
        }

        /// <summary>For each value its code, and from bit 16 on the code's length.</summary>
        static int[] Codes(byte[] counts, byte[] values)
        {
            var made = new int[256];
            int code = 0, next = 0;
            for (int length = 1; length <= 16; length++, code <<= 1)
                for (int i = 0; i < counts[length - 1]; i++)
                    made[values[next++]] = (length << 16) | code++;
            return made;
        }

        static byte[] Hex(string text)
        {
            var made = new byte[text.Length / 2];
            for (int i = 0; i < made.Length; i++)
                made[i] = Convert.ToByte(text.Substring(2 * i, 2), 16);
            return made;
        }
    }
}
