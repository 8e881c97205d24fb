using System;

namespace Fedxr
{
    /// <summary>How the bytes of a picture are to be read.</summary>
    public enum PictureEncoding
    {
        /// <summary>Values of the layout's dtype, row by row, top row first.</summary>
        Raw,

        /// <summary>A PNG file, 8-bit gray or RGB.</summary>
        Png,

        /// <summary>A JPEG file, 8-bit gray or RGB.</summary>
        Jpeg
    }

    /// <summary>Puts one frame together: <see cref="Begin"/>, any number of Add…, <see cref="Send"/>.
    /// The client has one and uses it again; nothing is allocated per frame.</summary>
    /// <remarks>Every Add… copies the data, and returns whether it took them. It does not while the
    /// channel is not <see cref="ChannelHandle.Accepted"/>, when a number is NaN or infinite (the
    /// sample is left out and a notice <c>not-finite</c> says so), and when a <c>reliable</c> channel
    /// has filled the queue: then offer the same samples again with a later frame.</remarks>
    public sealed class FrameBuilder
    {
        internal FrameBuilder()
        {
        }

        /// <summary>Start a frame. What was added since the last one and not sent is forgotten.</summary>
        /// <param name="captureUs">All samples up to this instant have been added when the frame is
        /// sent; microseconds on <see cref="BridgeClient.NowUs"/>'s clock, never going back.</param>
        /// <exception cref="ArgumentException">The time goes back.</exception>
        public void Begin(long captureUs)
        {
        }

        /// <summary>Add <paramref name="n"/> samples of a layout with fixed sizes.</summary>
        /// <param name="channel">From <see cref="BridgeClient.Find"/>.</param>
        /// <param name="data">Little-endian values in the layout's dtype.</param>
        /// <param name="offset">First byte.</param>
        /// <param name="count">Bytes.</param>
        /// <param name="n">Samples, at least 1.</param>
        /// <param name="t0Us">When the first sample was taken; with <paramref name="periodUs"/>,
        /// sample i is at t0Us + round((first + i) * periodUs).</param>
        /// <param name="periodUs">Microseconds between samples; needed when n is more than 1.</param>
        /// <param name="first">Index of the first sample, counted from t0Us: a steady stream keeps t0Us
        /// and counts on, so that no rounding adds up.</param>
        /// <exception cref="ArgumentException">The data do not fit the layout, or the times go back
        /// or lie after the frame's.</exception>
        public bool Add(ChannelHandle channel, byte[] data, int offset, int count, int n, long t0Us,
            double periodUs = 0, double first = 0)
        {
            return false;
        }

        /// <summary>As above; <paramref name="offset"/> and <paramref name="count"/> count values.</summary>
        public bool Add(ChannelHandle channel, float[] data, int offset, int count, int n, long t0Us,
            double periodUs = 0, double first = 0)
        {
            return false;
        }

        /// <summary>As above, for sound.</summary>
        public bool Add(ChannelHandle channel, short[] data, int offset, int count, int n, long t0Us,
            double periodUs = 0, double first = 0)
        {
            return false;
        }

        /// <summary>As above; the channel is looked up by its name.</summary>
        public bool Add(string channel, byte[] data, int offset, int count, int n, long t0Us,
            double periodUs = 0, double first = 0)
        {
            return false;
        }

        /// <summary>Add samples that came irregularly, with one stamp each.</summary>
        /// <param name="channel">From <see cref="BridgeClient.Find"/>.</param>
        /// <param name="data">Values, sample after sample.</param>
        /// <param name="stampsUs">When each sample was taken, not going back.</param>
        /// <param name="n">Samples.</param>
        public bool AddStamped(ChannelHandle channel, float[] data, long[] stampsUs, int n)
        {
            return false;
        }

        /// <summary>Add one picture or map (<c>vision/*</c>, <c>depth/map</c>, <c>thermal/map</c>).</summary>
        /// <param name="channel">From <see cref="BridgeClient.Find"/>.</param>
        /// <param name="encoding">PNG and JPEG are for <c>vision/*</c> only.</param>
        /// <param name="data">The values or the file.</param>
        /// <param name="offset">First byte.</param>
        /// <param name="count">Bytes.</param>
        /// <param name="height">Rows; at most 2^20 pixels in all.</param>
        /// <param name="width">Columns.</param>
        /// <param name="t0Us">When it was taken.</param>
        public bool AddPicture(ChannelHandle channel, PictureEncoding encoding, byte[] data, int offset,
            int count, int height, int width, long t0Us)
        {
            return false;
        }

        /// <summary>Add one cloud of points (<c>spatial/points</c>): x, y, z of each in metres.</summary>
        public bool AddPoints(ChannelHandle channel, float[] data, int points, long t0Us)
        {
            return false;
        }

        /// <summary>Hand the frame over; a frame without samples still tells the server how far the
        /// time has come.</summary>
        /// <returns>False when there is no session to send it to: before the first welcome and after
        /// the end. While the connection is lost, frames wait as the channels' delivery says.</returns>
        public bool Send()
        {
            return false;
        }
    }
}
