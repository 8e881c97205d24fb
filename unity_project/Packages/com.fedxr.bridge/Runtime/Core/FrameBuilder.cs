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
    /// samples are left out and a notice <c>not-finite</c> says so once), and when <c>reliable</c>
    /// channels have filled the queue: then offer the same samples again with a later frame.</remarks>
    public sealed class FrameBuilder
    {
        const long EpisodeGapUs = 30000000; // the server wants a new episode after 60 s without frames
        const int EnvelopeBytes = 256; // of a frame, and of each block, beside the data

        readonly BridgeClient client;
        readonly Outbox outbox;
        Outgoing frame;
        long captureUs;
        long lastCaptureUs;
        int episode;
        long episodeStartUs;
        bool startsAnew = true;
        int bytes;

        internal FrameBuilder(BridgeClient client, Outbox outbox)
        {
            this.client = client;
            this.outbox = outbox;
        }

        /// <summary>The episode in which that moment was; of the ones that are over, the last.</summary>
        internal int EpisodeAt(long tUs) =>
            tUs >= episodeStartUs ? episode : Math.Max(0, episode - 1);

        /// <summary>Start a frame. What was added since the last one and not sent is forgotten.</summary>
        /// <param name="captureUs">All samples up to this instant have been added when the frame is
        /// sent; microseconds on <see cref="BridgeClient.NowUs"/>'s clock, never going back.</param>
        /// <exception cref="ArgumentException">The time goes back.</exception>
        public void Begin(long captureUs)
        {
            if (captureUs < lastCaptureUs)
                throw new ArgumentException("captureUs " + captureUs + " lies before the last frame's "
                    + lastCaptureUs + "; take it from BridgeClient.NowUs");
            if (frame != null)
                outbox.Return(frame);
            frame = outbox.Rent();
            this.captureUs = captureUs;
            bytes = EnvelopeBytes;
            if (startsAnew || captureUs - lastCaptureUs > EpisodeGapUs)
                BeginEpisode();
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
            return AddRegular(channel, data, offset, count, n, t0Us, periodUs, first);
        }

        /// <summary>As above, for layouts of float32; <paramref name="offset"/> and
        /// <paramref name="count"/> count values.</summary>
        public bool Add(ChannelHandle channel, float[] data, int offset, int count, int n, long t0Us,
            double periodUs = 0, double first = 0)
        {
            SampleCheck.Dtype(channel, "f4");
            return AddRegular(channel, data, 4 * offset, 4 * count, n, t0Us, periodUs, first);
        }

        /// <summary>As above, for sound.</summary>
        public bool Add(ChannelHandle channel, short[] data, int offset, int count, int n, long t0Us,
            double periodUs = 0, double first = 0)
        {
            SampleCheck.Dtype(channel, "i2");
            return AddRegular(channel, data, 2 * offset, 2 * count, n, t0Us, periodUs, first);
        }

        /// <summary>As above; the channel is looked up by its name.</summary>
        public bool Add(string channel, byte[] data, int offset, int count, int n, long t0Us,
            double periodUs = 0, double first = 0)
        {
            return Add(client.Find(channel), data, offset, count, n, t0Us, periodUs, first);
        }

        /// <summary>Add samples of a layout of float32 that came irregularly, with one stamp each.</summary>
        /// <param name="channel">From <see cref="BridgeClient.Find"/>.</param>
        /// <param name="data">Values, sample after sample.</param>
        /// <param name="stampsUs">When each sample was taken, not going back.</param>
        /// <param name="n">Samples.</param>
        public bool AddStamped(ChannelHandle channel, float[] data, long[] stampsUs, int n)
        {
            SampleCheck.Dtype(channel, "f4");
            int count = n * channel.Channel.Layout.SampleBytes;
            SampleCheck.Fixed(channel, data, 0, count, n);
            if (n > stampsUs.Length)
                throw SampleCheck.Wrong(channel, n + " samples with " + stampsUs.Length + " stamps");
            for (int i = 1; i < n; i++)
                if (stampsUs[i] < stampsUs[i - 1])
                    throw SampleCheck.Wrong(channel, "time stamps go back within the block");
            MessagePackWriter body = Open(channel, data, 0, count, 4, stampsUs[0], stampsUs[n - 1], 0, n);
            if (body == null)
                return false;
            body.Word("stamps");
            body.Bin(stampsUs, 0, 8 * n);
            return true;
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
            Layout layout = channel.Channel.Layout;
            if (layout.Shape.Length < 2 || layout.Shape[1] != 0)
                throw SampleCheck.Wrong(channel, layout + " is no picture or map; use Add or AddPoints");
            bool raw = encoding == PictureEncoding.Raw;
            if (raw)
                SampleCheck.Free(channel, data, offset, count, (long)height * width);
            else
                SampleCheck.Picture(channel, encoding, data, offset, count, height, width);
            MessagePackWriter body = Open(channel, data, offset, count, raw ? 4 : 5, t0Us, t0Us, t0Us, 1, !raw);
            if (body == null)
                return false;
            body.Word("shape");
            body.List(layout.Shape.Length);
            body.Int(height);
            body.Int(width);
            if (layout.Shape.Length == 3)
                body.Int(layout.Shape[2]);
            if (!raw)
            {
                body.Word("encoding");
                body.Word(encoding == PictureEncoding.Png ? "png" : "jpeg");
            }
            return true;
        }

        /// <summary>Add one cloud of points (<c>spatial/points</c>).</summary>
        /// <param name="channel">From <see cref="BridgeClient.Find"/>.</param>
        /// <param name="data">x, y, z of each point in metres.</param>
        /// <param name="points">How many.</param>
        /// <param name="t0Us">When it was taken.</param>
        public bool AddPoints(ChannelHandle channel, float[] data, int points, long t0Us)
        {
            Layout layout = channel.Channel.Layout;
            if (layout.Shape.Length != 2 || layout.Shape[0] != 0 || layout.Shape[1] == 0)
                throw SampleCheck.Wrong(channel, layout + " is no cloud of points; use Add or AddPicture");
            int count = 4 * layout.Shape[1] * points;
            SampleCheck.Free(channel, data, 0, count, points);
            MessagePackWriter body = Open(channel, data, 0, count, 4, t0Us, t0Us, t0Us, 1);
            if (body == null)
                return false;
            body.Word("shape");
            body.List(2);
            body.Int(points);
            body.Int(layout.Shape[1]);
            return true;
        }

        /// <summary>Hand the frame over; a frame without samples still tells the server how far the
        /// time has come.</summary>
        /// <returns>False when there is no session to send it to: before the first welcome and after
        /// the end. While the connection is lost, frames wait as the channels' delivery says.</returns>
        public bool Send()
        {
            if (frame == null)
                throw new InvalidOperationException("Begin a frame before sending it");
            if (!client.HasSession)
                return false;
            frame.CaptureUs = captureUs;
            frame.Episode = episode;
            frame.EpisodeStartUs = episodeStartUs;
            foreach (Block block in frame.Blocks)
                block.Channel.LastUs = block.LastUs;
            outbox.Put(frame);
            frame = null;
            lastCaptureUs = captureUs;
            return true;
        }

        /// <summary>From the next frame on context starts anew.</summary>
        internal void StartAnew()
        {
            startsAnew = true;
        }

        bool AddRegular(ChannelHandle channel, Array data, int byteOffset, int count, int n, long t0Us,
            double periodUs, double first)
        {
            SampleCheck.Fixed(channel, data, byteOffset, count, n);
            if (!(periodUs >= 0 && (Math.Abs(first) + n) * periodUs <= Decoding.MostUs) || n > 1 && periodUs == 0)
                throw SampleCheck.Wrong(channel, n + " samples, period " + periodUs + " us, first " + first
                    + "; give several samples a period of more than 0");
            long firstUs = t0Us + (long)Math.Round(first * periodUs);
            long lastUs = t0Us + (long)Math.Round((first + n - 1) * periodUs);
            bool regular = n > 1, counted = regular && first != 0;
            int keys = 3 + Encode.One(regular) + Encode.One(counted);
            // One sample has no period: its time is t0_us itself.
            MessagePackWriter body = Open(channel, data, byteOffset, count, keys, firstUs, lastUs,
                regular ? t0Us : firstUs, n);
            if (body == null)
                return false;
            if (regular)
                Encode.Number(body, "period_us", periodUs);
            if (counted)
                Encode.Number(body, "first", first);
            return true;
        }

        /// <summary>Begin a block with the keys that every block has; null when it cannot be taken.</summary>
        MessagePackWriter Open(ChannelHandle channel, Array data, int byteOffset, int count, int keys,
            long firstUs, long lastUs, long t0Us, int n, bool isFile = false)
        {
            if (frame == null)
                throw new InvalidOperationException("Begin a frame before adding to it");
            foreach (Block other in frame.Blocks)
                if (other.Channel == channel)
                    throw SampleCheck.Wrong(channel, "added twice to one frame");
            SampleCheck.Times(channel, firstUs, lastUs, captureUs);
            if (!channel.Accepted || channel.Channel.IsReliable && outbox.Full)
                return null;
            if (!isFile && !SampleCheck.IsFinite(channel, data, byteOffset, count))
            {
                client.TellNotFinite(channel);
                return null;
            }
            int longer = bytes + EnvelopeBytes + count + 8 * n;
            if (longer > client.Welcome.MaxMessage)
                throw SampleCheck.Wrong(channel, "the frame would have " + longer
                    + " bytes; the server takes " + client.Welcome.MaxMessage);
            bytes = longer;
            Block block = outbox.Rent(channel);
            frame.Blocks.Add(block);
            block.Keys = keys;
            block.LastUs = lastUs;
            block.Body.Clear();
            Encode.Int(block.Body, "t0_us", t0Us);
            Encode.Int(block.Body, "n", n);
            block.Body.Word("data");
            block.Body.Bin(data, byteOffset, count);
            return block.Body;
        }

        void BeginEpisode()
        {
            if (lastCaptureUs != 0)
                episode++;
            episodeStartUs = captureUs;
            startsAnew = false;
            client.ForgetTimes();
        }
    }
}
