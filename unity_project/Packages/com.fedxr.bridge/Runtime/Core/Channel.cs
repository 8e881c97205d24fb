using System;
using System.Globalization;

namespace Fedxr
{
    /// <summary>One sensor stream that the headset offers.</summary>
    public sealed class Channel
    {
        internal const string UsualDelivery = "queue 64";
        const double MostHz = 200000;

        /// <param name="name">1 to 64 characters, unique on this headset.</param>
        /// <param name="layout">A name that <see cref="Fedxr.Layout.Find"/> knows.</param>
        /// <param name="rateHz">Samples per second; 0 when they come irregularly.</param>
        /// <param name="delivery">What may happen while the connection is slow: <c>latest</c> (only
        /// the newest block waits), <c>queue N</c> (the N newest wait) or <c>reliable</c> (nothing
        /// is dropped, and it is sent again after a lost connection).</param>
        /// <exception cref="ArgumentException">One of them is not allowed; the message says what is.</exception>
        public Channel(string name, string layout, double rateHz, string delivery = UsualDelivery)
        {
            if (string.IsNullOrEmpty(name) || name.Length > 64)
                throw new ArgumentException("channel name '" + name + "': give it 1 to 64 characters");
            if (!(rateHz >= 0 && rateHz <= MostHz))
                throw new ArgumentException("channel " + name + ": rate "
                    + rateHz.ToString(CultureInfo.InvariantCulture) + " Hz; allowed are 0 to 200000");
            if (layout != null && layout.Length > 1024)
                throw new ArgumentException("channel " + name + ": a layout's name of " + layout.Length
                    + " characters; allowed are 1024 (split the electrodes over two channels)");
            Name = name;
            Layout = Layout.Find(layout);
            RateHz = rateHz;
            Delivery = delivery;
            QueueLength = LengthOf(name, delivery);
        }

        /// <summary>The channel's name in frames and notices.</summary>
        public string Name { get; }

        /// <summary>What one sample looks like.</summary>
        public Layout Layout { get; }

        /// <summary>Samples per second, nominally; 0: irregular.</summary>
        public double RateHz { get; }

        /// <summary><c>latest</c>, <c>queue N</c> or <c>reliable</c>.</summary>
        public string Delivery { get; }

        /// <summary>Blocks that may wait for the connection; 0: no such bound (reliable).</summary>
        internal int QueueLength { get; }

        internal bool IsReliable => QueueLength == 0;

        static int LengthOf(string name, string delivery)
        {
            if (delivery == "latest")
                return 1;
            if (delivery == "reliable")
                return 0;
            int length;
            const string queue = "queue ";
            if (delivery != null && delivery.StartsWith(queue, StringComparison.Ordinal)
                && delivery.Length > queue.Length && delivery.Length <= queue.Length + 5
                && delivery[queue.Length] != '0'
                && int.TryParse(delivery.Substring(queue.Length), NumberStyles.None,
                    CultureInfo.InvariantCulture, out length) && length > 0)
                return length;
            throw new ArgumentException("channel " + name + ": delivery '" + delivery
                + "'; allowed are 'latest', 'queue N' (1 to 99999) and 'reliable'");
        }
    }
}
