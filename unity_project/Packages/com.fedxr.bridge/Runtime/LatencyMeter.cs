using System;

namespace Fedxr
{
    /// <summary>Times from the capture of a frame to the reply that has seen it, over the last
    /// seconds. Engine-free; nothing is allocated after it is made.</summary>
    public sealed class LatencyMeter
    {
        const int Most = 1024;

        readonly long[] atUs = new long[Most];
        readonly double[] tookMs = new double[Most];
        readonly double[] sorted = new double[Most];
        readonly long windowUs;
        int count, next;

        /// <param name="seconds">How far back it looks.</param>
        public LatencyMeter(double seconds = 10)
        {
            windowUs = (long)(seconds * 1e6);
        }

        /// <summary>Replies within the window.</summary>
        public int Count => Sort();

        /// <summary>The median in milliseconds; 0 without replies.</summary>
        public double P50 => At(0.50);

        /// <summary>The 99th percentile in milliseconds; 0 without replies.</summary>
        public double P99 => At(0.99);

        /// <summary>A reply on what was captured at <paramref name="captureUs"/> came at
        /// <paramref name="nowUs"/>, both on the headset's clock.</summary>
        public void Add(long captureUs, long nowUs)
        {
            atUs[next] = nowUs;
            tookMs[next] = (nowUs - captureUs) / 1000.0;
            next = (next + 1) % Most;
            count = Math.Min(count + 1, Most);
        }

        /// <summary>The value that the share <paramref name="p"/> of the replies did not exceed.</summary>
        double At(double p)
        {
            int n = Sort();
            return n == 0 ? 0 : sorted[Math.Max(0, (int)Math.Ceiling(p * n) - 1)];
        }

        int Sort()
        {
            int n = 0;
            long newest = count == 0 ? 0 : atUs[(next + Most - 1) % Most];
            for (int i = 0; i < count; i++)
                if (newest - atUs[i] <= windowUs)
                    sorted[n++] = tookMs[i];
            Array.Sort(sorted, 0, n);
            return n;
        }
    }
}
