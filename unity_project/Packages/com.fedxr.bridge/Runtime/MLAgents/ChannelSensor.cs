using System;
using System.Globalization;
using Unity.MLAgents.Sensors;

namespace Fedxr
{
    /// <summary>One channel as an ML-Agents observation: <c>layout:channel@rate</c>, so that Python
    /// knows what it is.</summary>
    /// <remarks>An observation has the same size at every step: as many of the newest samples as fit
    /// into one. Where fewer have come the older ones stand before them; a sensor that fell silent
    /// repeats its last sample.</remarks>
    sealed class ChannelSensor : ISensor
    {
        readonly Sensor sensor;
        readonly SampleTap tap;
        readonly Func<long> nowUs;
        readonly Layout layout;
        readonly ObservationSpec spec;
        readonly float[] values;
        readonly int sampleSize;
        long takenUs = -1;

        internal ChannelSensor(Sensor sensor, SampleTap tap, Func<long> nowUs, double stepSeconds)
        {
            this.sensor = sensor;
            this.tap = tap;
            this.nowUs = nowUs;
            layout = Layout.Find(sensor.Layout);
            sampleSize = layout.SampleBytes / ValueBytes(layout);
            int n = Math.Max(1, (int)(sensor.RateHz * stepSeconds + 1e-6));
            values = new float[n * sampleSize];
            spec = ObservationSpec.Vector(values.Length);
            Name = NameOf(sensor, n, stepSeconds);
            UnityValues.Fill(layout, values);
        }

        internal string Name { get; }

        /// <summary><c>layout:channel@rate</c>; the rate at which samples are sent.</summary>
        internal static string NameOf(Sensor sensor, int n, double stepSeconds)
        {
            double stepHz = 1 / stepSeconds;
            bool slower = n == 1 && sensor.RateHz > 0 && sensor.RateHz < stepHz;
            double rate = slower ? sensor.RateHz : n * stepHz;
            string channel = sensor.ChannelName == sensor.Layout ? "" : ":" + sensor.ChannelName;
            return sensor.Layout + channel + "@" + Math.Round(rate, 3).ToString(CultureInfo.InvariantCulture);
        }

        static int ValueBytes(Layout layout) => layout.Dtype[1] - '0';

        /// <summary>Take what is new. The end of an episode asks a second time in its step.</summary>
        public void Update()
        {
            long captureUs = nowUs();
            bool again = captureUs == takenUs;
            takenUs = captureUs;
            if (again || !sensor.isActiveAndEnabled || !tap.Take(sensor, captureUs))
                return;
            int n = Math.Min(tap.N, values.Length / sampleSize), fresh = n * sampleSize;
            Array.Copy(values, fresh, values, 0, values.Length - fresh);
            UnityValues.Read(layout, tap.Data, tap.Offset + (tap.N - n) * layout.SampleBytes, fresh,
                values, values.Length - fresh);
        }

        public int Write(ObservationWriter writer)
        {
            writer.AddList(values);
            return values.Length;
        }

        public void Reset()
        {
            // a slow sensor's last sample still holds in a new episode
        }

        public ObservationSpec GetObservationSpec() => spec;
        public byte[] GetCompressedObservation() => null;
        public CompressionSpec GetCompressionSpec() => CompressionSpec.Default();
        public string GetName() => Name;
    }
}
