using System;
using UnityEngine;

namespace Fedxr
{
    /// <summary>The microphone. Channel <c>audio/pcm16</c>, mono. A laptop's serves as well as a
    /// headset's; where there is none, <see cref="SimulatedSound"/> stands in.</summary>
    [AddComponentMenu("fedxr/Microphone Sensor")]
    public sealed class MicrophoneSensor : Sensor
    {
        const int RingSeconds = 2;
        const long LagUs = 30000; // sound comes in lumps: stamps lie this far behind
        const long MostBehindUs = 200000; // further, and sound was lost in between

        [Tooltip("Name of the microphone; empty: the default one.")]
        [SerializeField] string device = "";

        AudioClip ring;
        float[] heard;
        short[] sound;
        int read;
        long startUs, index;

        /// <summary>16000 samples a second.</summary>
        public MicrophoneSensor() : base("microphone", 16000, "queue 16384")
        {
        }

        /// <inheritdoc/>
        public override string Layout => "audio/pcm16";

        string Device => device.Length == 0 ? null : device;

        /// <inheritdoc/>
        /// <exception cref="InvalidOperationException">There is no microphone, or not at this rate.</exception>
        public override bool Sample(long captureUs, FrameBuilder frame)
        {
            if (!ring)
                Begin();
            int n = (Microphone.GetPosition(Device) - read + ring.samples) % ring.samples;
            if (n == 0)
                return false;
            n = Math.Min(n, sound.Length);
            ring.GetData(heard, read); // the whole array from there on: of it the first n are new
            read = (read + n) % ring.samples;
            double period = 1e6 / RateHz;
            long end = startUs + (long)((index + n) * period);
            if (index == 0 || captureUs - end > MostBehindUs)
            {
                startUs = captureUs - LagUs - (long)(n * period);
                index = 0;
            }
            else if (end > captureUs)
            {
                return false; // its clock is quicker than ours: a lump is left out
            }
            Pcm.Convert(heard, sound, n);
            bool added = frame.Add(Channel, sound, 0, n, n, startUs, period, index);
            index += n;
            return added;
        }

        void Begin()
        {
            if (Microphone.devices.Length == 0)
                throw new InvalidOperationException(
                    "there is no microphone, or no permission to use it; SimulatedSound can stand in");
            ring = Microphone.Start(Device, true, RingSeconds, (int)RateHz);
            if (!ring || ring.frequency != (int)RateHz || ring.channels != 1)
                throw new InvalidOperationException("the microphone does not give " + RateHz
                    + " samples a second of one channel");
            heard = new float[ring.samples / RingSeconds];
            sound = new short[ring.samples / RingSeconds];
        }

        void OnDisable()
        {
            if (ring)
                Microphone.End(Device);
            ring = null;
            read = 0;
            index = 0;
        }
    }
}
