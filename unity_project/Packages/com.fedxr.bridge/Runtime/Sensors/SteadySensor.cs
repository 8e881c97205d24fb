using System;
using UnityEngine;

namespace Fedxr
{
    /// <summary>A sensor whose samples come at an even rate, several to a frame or one in several
    /// frames. What a long stall missed is left out.</summary>
    public abstract class SteadySensor : Sensor
    {
        const double MostSeconds = 0.5; // made up for after a stall

        long startUs, index;
        bool begun;

        /// <param name="channelName">Default of the channel's name.</param>
        /// <param name="rateHz">Default of the rate, samples per second.</param>
        /// <param name="delivery"><c>latest</c>, <c>queue N</c> or <c>reliable</c>.</param>
        protected SteadySensor(string channelName, double rateHz, string delivery = "queue 64")
            : base(channelName, rateHz, delivery)
        {
        }

        /// <inheritdoc/>
        public sealed override bool Sample(long captureUs, FrameBuilder frame)
        {
            double period = 1e6 / RateHz;
            if (!begun)
            {
                begun = true;
                startUs = captureUs;
                Begin();
            }
            long due = (long)((captureUs - startUs) / period) + 1;
            int most = Math.Max(1, (int)(MostSeconds * RateHz));
            if (due - index > most)
                index = due - most;
            int n = (int)(due - index);
            if (n <= 0)
                return false;
            bool added = Add(frame, n, startUs, period, index);
            index = due;
            return added;
        }

        /// <summary>Called once, before the first sample.</summary>
        protected abstract void Begin();

        /// <summary>Add samples <paramref name="first"/> to <paramref name="first"/> +
        /// <paramref name="n"/> - 1 to <paramref name="frame"/>; number i is of
        /// <paramref name="startUs"/> + i * <paramref name="periodUs"/>.</summary>
        protected abstract bool Add(FrameBuilder frame, int n, long startUs, double periodUs, long first);
    }
}
