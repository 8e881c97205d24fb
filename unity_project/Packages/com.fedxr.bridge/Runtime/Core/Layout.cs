using System;
using System.Collections.Generic;

namespace Fedxr
{
    /// <summary>What one sample of a sensor looks like. The table is that of <c>bridge/channels.py</c>,
    /// and a test compares the two.</summary>
    /// <remarks>Units are SI; coordinates are right-handed, Y up, -Z forward; quaternions are
    /// x, y, z, w.</remarks>
    public sealed class Layout
    {
        static readonly Dictionary<string, Layout> Table = new Dictionary<string, Layout>();

        static Layout()
        {
            Define("vision/gray", "u1", 0, 0);
            Define("vision/rgb", "u1", 0, 0, 3);
            Define("depth/map", "f4", 0, 0);
            Define("audio/pcm16", "i2");
            Define("gaze/point2", "f4", 2);
            Define("gaze/ray", "f4", 6);
            Define("gaze/pupil", "f4", 2);
            Define("hands/openxr26", "f4", 26, 7);
            Define("hands/webxr25", "f4", 25, 7);
            Define("hands/shrec22", "f4", 22, 3);
            Define("motion/head", "f4", 7);
            Define("motion/controller", "f4", 14);
            Define("motion/wrist", "f4", 6);
            Define("motion/phone", "f4", 6);
            Define("spatial/points", "f4", 0, 3);
            Define("thermal/map", "f4", 0, 0);
            Define("physiology/eda", "f4");
            Define("physiology/temperature", "f4");
            Define("physiology/heart-rate", "f4");
            Define("physiology/respiration", "f4");
            Define("physiology/ibi", "f4");
            Define("face/arkit52", "f4", 52);
            Define("haptics/amplitude", "f4");
            Define("contact/vibration", "f4");
        }

        Layout(string name, string dtype, int[] shape)
        {
            Name = name;
            Modality = name.Substring(0, name.IndexOf('/'));
            Dtype = dtype;
            Shape = shape;
            int bytes = dtype[1] - '0';
            foreach (int size in shape)
            {
                IsFree |= size == 0;
                bytes *= size;
            }
            SampleBytes = bytes;
        }

        /// <summary>For example <c>hands/openxr26</c>.</summary>
        public string Name { get; }

        /// <summary>The part of the name before the slash.</summary>
        public string Modality { get; }

        /// <summary><c>f4</c>, <c>u1</c> or <c>i2</c>, little-endian.</summary>
        public string Dtype { get; }

        /// <summary>Sizes of one sample; 0 stands for one that the sample itself brings (the height
        /// and width of a picture, the number of points).</summary>
        public int[] Shape { get; }

        /// <summary>Bytes of one sample, or 0 when the sample brings its own size.</summary>
        public int SampleBytes { get; }

        /// <summary>Whether a sample brings its own size.</summary>
        public bool IsFree { get; }

        /// <summary>All layouts that have a name of their own; <c>eeg/…</c> and <c>fnirs/…</c> name
        /// their electrodes and come besides.</summary>
        public static IEnumerable<Layout> All => Table.Values;

        /// <summary>The layout called <paramref name="name"/>; <c>eeg/Oz-O1</c> and
        /// <c>fnirs/F3-F4</c> name their electrodes.</summary>
        /// <exception cref="ArgumentException">There is none; the message lists those allowed.</exception>
        public static Layout Find(string name)
        {
            Layout found;
            if (name != null && Table.TryGetValue(name, out found))
                return found;
            int places = name == null ? 0 : CountElectrodes(name);
            if (places > 0 && name.StartsWith("eeg/", StringComparison.Ordinal))
                return new Layout(name, "f4", new[] { places });
            if (places > 0 && name.StartsWith("fnirs/", StringComparison.Ordinal))
                return new Layout(name, "f4", new[] { places, 2 });
            throw new ArgumentException("unknown layout '" + name + "'; known are "
                + string.Join(", ", new List<string>(Table.Keys).ToArray())
                + ", eeg/<electrodes joined by '-'> and fnirs/<optodes joined by '-'>");
        }

        /// <summary>The name.</summary>
        public override string ToString() => Name;

        static void Define(string name, string dtype, params int[] shape)
        {
            Table.Add(name, new Layout(name, dtype, shape));
        }

        /// <summary>How many places stand after the slash, 0 when one of them is no name: a capital
        /// letter, then up to four letters or digits.</summary>
        static int CountElectrodes(string name)
        {
            int slash = name.IndexOf('/');
            if (slash < 0)
                return 0;
            string[] places = name.Substring(slash + 1).Split('-');
            foreach (string place in places)
            {
                if (place.Length < 1 || place.Length > 5 || place[0] < 'A' || place[0] > 'Z')
                    return 0;
                foreach (char c in place)
                    if (!(c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'))
                        return 0;
            }
            return places.Length;
        }
    }
}
