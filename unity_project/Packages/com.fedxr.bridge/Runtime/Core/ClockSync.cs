using System;
using System.Diagnostics;

namespace Fedxr
{
    /// <summary>Microseconds since 1970 as this process saw it at start; never goes back.</summary>
    static class HeadsetClock
    {
        static readonly long StartUs = (DateTime.UtcNow.Ticks - 621355968000000000L) / 10;
        static readonly long StartTicks = Stopwatch.GetTimestamp();

        internal static long NowUs
        {
            get
            {
                long ticks = Stopwatch.GetTimestamp() - StartTicks;
                long seconds = ticks / Stopwatch.Frequency, rest = ticks % Stopwatch.Frequency;
                return StartUs + seconds * 1000000 + rest * 1000000 / Stopwatch.Frequency;
            }
        }
    }

    /// <summary>One ping and pong: sent and back by this clock, the others by the server's.</summary>
    struct Exchange
    {
        internal long SentUs;
        internal long ReceivedUs;
        internal long AnsweredUs;
        internal long BackUs;

        internal long DelayUs => BackUs - SentUs - (AnsweredUs - ReceivedUs);

        internal double OffsetUs => (ReceivedUs - SentUs + (AnsweredUs - BackUs)) / 2.0;

        internal double MiddleUs => (SentUs + BackUs) / 2.0;
    }

    /// <summary>One time base for headset and server; the arithmetic is that of <c>bridge/clock.py</c>.
    /// Of a burst of exchanges the one with the shortest delay counts (Mills, NTPv4, RFC 5905 section
    /// 10); over the bursts a line is fitted, weighted by how short the trips were.</summary>
    sealed class ClockSync
    {
        internal const int Burst = 8;
        const int BurstsKept = 64;
        const double LeastSpanUs = 500000; // over less, noise looks like drift
        const double MostDrift = 1e-3; // quartz is within 1e-4; above this a clock was set

        readonly Exchange[] best = new Exchange[BurstsKept]; // oldest first
        int count;

        internal bool HasEstimate { get; private set; }

        /// <summary>Server's clock minus this one at <see cref="AtUs"/>.</summary>
        internal double OffsetUs { get; private set; }

        /// <summary>How much the offset grows per microsecond.</summary>
        internal double Drift { get; private set; }

        internal double AtUs { get; private set; }

        /// <summary>Half the shortest delay and the scatter around the line.</summary>
        internal double UncertaintyUs { get; private set; }

        /// <summary>The shortest delay of the bursts that are kept.</summary>
        internal double DelayUs { get; private set; }

        /// <summary>How often an exchange contradicted one that was kept, because a clock was set or
        /// the device slept; the history then starts anew.</summary>
        internal int Resets { get; private set; }

        internal double OffsetAt(double localUs) => OffsetUs + Drift * (localUs - AtUs);

        /// <summary>Take one burst; exchanges with a negative delay are impossible and skipped.</summary>
        internal void AddBurst(Exchange[] burst, int exchanges)
        {
            int shortest = -1;
            for (int i = 0; i < exchanges; i++)
                if (burst[i].DelayUs >= 0 && (shortest < 0 || burst[i].DelayUs < burst[shortest].DelayUs))
                    shortest = i;
            if (shortest < 0)
                return;
            Exchange newest = burst[shortest];
            if (ContradictsAny(newest))
            {
                count = 0;
                Resets++;
            }
            if (count == BurstsKept)
                Array.Copy(best, 1, best, 0, --count);
            best[count++] = newest;
            Fit();
        }

        /// <summary>Half of both trips and the drift cannot explain it; 1 ms is for readings that are
        /// rounded.</summary>
        bool ContradictsAny(Exchange newest)
        {
            for (int i = 0; i < count; i++)
            {
                double allowed = (best[i].DelayUs + newest.DelayUs) / 2.0 + 1000;
                double elapsed = Math.Abs(newest.MiddleUs - best[i].MiddleUs);
                if (Math.Abs(newest.OffsetUs - best[i].OffsetUs) > allowed + MostDrift * elapsed)
                    return true;
            }
            return false;
        }

        void Fit()
        {
            Exchange last = best[count - 1];
            double sum = 0, x0 = 0, y0 = 0, xx = 0, xy = 0, yy = 0, delay = double.MaxValue;
            for (int i = 0; i < count; i++)
            {
                double weight = Weight(i);
                sum += weight;
                x0 += weight * (best[i].MiddleUs - last.MiddleUs);
                y0 += weight * (best[i].OffsetUs - last.OffsetUs);
                delay = Math.Min(delay, best[i].DelayUs);
            }
            x0 /= sum;
            y0 /= sum;
            for (int i = 0; i < count; i++)
            {
                double weight = Weight(i) / sum;
                double x = best[i].MiddleUs - last.MiddleUs - x0, y = best[i].OffsetUs - last.OffsetUs - y0;
                xx += weight * x * x;
                xy += weight * x * y;
                yy += weight * y * y;
            }
            bool spans = count >= 3 && last.MiddleUs - best[0].MiddleUs >= LeastSpanUs;
            double drift = spans ? Math.Max(-MostDrift, Math.Min(MostDrift, xy / xx)) : 0;
            // The scatter is that of y - drift * x, both about their means.
            double scatter = Math.Sqrt(Math.Max(0, yy - 2 * drift * xy + drift * drift * xx));
            // The truth lies within half a trip of the newest exchange, and so does the estimate.
            double half = last.DelayUs / 2.0;
            OffsetUs = last.OffsetUs + Math.Max(-half, Math.Min(half, y0 - drift * x0));
            Drift = drift;
            AtUs = last.MiddleUs;
            UncertaintyUs = delay / 2 + scatter;
            DelayUs = delay;
            HasEstimate = true;
        }

        /// <summary>An exchange errs by up to half its delay; 20 us keep one lucky loopback exchange
        /// from outweighing all others.</summary>
        double Weight(int i)
        {
            double width = best[i].DelayUs / 2.0 + 20;
            return 1 / (width * width);
        }
    }
}
