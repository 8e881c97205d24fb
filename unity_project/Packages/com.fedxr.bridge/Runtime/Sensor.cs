using System;
using UnityEngine;

namespace Fedxr
{
    /// <summary>One sensor of the headset, which is one channel of the bridge. Put it on the
    /// <see cref="HeadsetConnection"/>'s object or below it.</summary>
    /// <remarks>To send something of your own: derive from it, hand the usual name and rate to the
    /// constructor, name the <see cref="Layout"/>, and add in <see cref="Sample"/> what is new.
    /// </remarks>
    public abstract class Sensor : MonoBehaviour
    {
        [Tooltip("Name of the channel, unique on this headset.")]
        [SerializeField] string channelName;

        [Tooltip("Samples per second; 0 when they come irregularly.")]
        [SerializeField] double rateHz;

        [Tooltip("While the connection is slow: 'latest', 'queue N' or 'reliable'.")]
        [SerializeField] string delivery;

        long dueUs;

        /// <param name="channelName">Default of the channel's name.</param>
        /// <param name="rateHz">Default of the rate, samples per second.</param>
        /// <param name="delivery"><c>latest</c>, <c>queue N</c> or <c>reliable</c>.</param>
        protected Sensor(string channelName, double rateHz, string delivery = "queue 64")
        {
            this.channelName = channelName;
            this.rateHz = rateHz;
            this.delivery = delivery;
        }

        /// <summary>What one sample looks like: a name that <see cref="Fedxr.Layout.Find"/> knows.</summary>
        public abstract string Layout { get; }

        /// <summary>The channel's name.</summary>
        public string ChannelName => channelName;

        /// <summary>Samples per second; 0 when they come irregularly.</summary>
        public double RateHz => rateHz;

        /// <summary>The channel that this sensor is; null until it is connected.</summary>
        public ChannelHandle Channel { get; internal set; }

        /// <summary>Add to <paramref name="frame"/> what is new at <paramref name="captureUs"/>.
        /// Called once per frame while the server takes the channel; it must not allocate.</summary>
        /// <param name="captureUs">Microseconds on the headset's clock; no sample may be newer.</param>
        /// <param name="frame">The frame that is being put together.</param>
        /// <returns>Whether something was added.</returns>
        public abstract bool Sample(long captureUs, FrameBuilder frame);

        /// <summary>The channel to offer.</summary>
        /// <exception cref="ArgumentException">Name, layout, rate or delivery are not allowed.</exception>
        internal Channel Offer() => new Channel(channelName, Layout, rateHz, delivery);

        /// <summary>Whether the next sample is due, for sensors that take one at a time. It keeps the
        /// rate over frames that are too short or too long; what a stall missed is not made up.</summary>
        protected bool IsDue(long captureUs)
        {
            if (rateHz <= 0)
                return true;
            if (captureUs < dueUs)
                return false;
            long period = (long)(1e6 / rateHz);
            dueUs = dueUs + period > captureUs ? dueUs + period : captureUs + period;
            return true;
        }
    }
}
