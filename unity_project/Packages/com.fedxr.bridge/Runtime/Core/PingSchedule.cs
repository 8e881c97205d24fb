using System;

namespace Fedxr
{
    /// <summary>When to ping: a burst of eight every two seconds, one after the other, then one more
    /// that tells the server the new estimate; and between them while something is unacknowledged,
    /// because a pong says how far the server has everything.</summary>
    /// <remarks>Used by two threads: the sending one asks, the receiving one answers.</remarks>
    sealed class PingSchedule
    {
        const long BetweenBurstsUs = 2000000;
        const long PongUs = 2000000; // a congested server does not answer; a later burst will do
        const long AskUs = 500000;

        readonly object gate = new object();
        readonly Exchange[] burst = new Exchange[ClockSync.Burst];
        readonly ClockSync clock = new ClockSync();
        int answered;
        bool inBurst;
        bool tell;
        long nextBurstUs;
        long awaitedUs; // the ping whose pong is awaited, 0: none
        long lastUs;

        /// <summary>A new connection: begin with a burst. What is known of the clock stays; if it is
        /// wrong now, the first burst disagrees and starts anew.</summary>
        internal void Restart()
        {
            lock (gate)
            {
                inBurst = tell = false;
                nextBurstUs = awaitedUs = 0;
            }
        }

        /// <summary>Write the ping that is due into <paramref name="to"/>.</summary>
        /// <returns>False when none is due; then <paramref name="waitMs"/> says when to ask again.</returns>
        internal bool Next(long nowUs, bool unacknowledged, MessagePackWriter to, out int waitMs)
        {
            lock (gate)
            {
                waitMs = 0;
                if (awaitedUs != 0 && nowUs - awaitedUs > PongUs)
                    EndBurst();
                if (!inBurst && nowUs >= nextBurstUs)
                {
                    inBurst = true;
                    answered = 0;
                    nextBurstUs = nowUs + BetweenBurstsUs;
                }
                bool ask = !inBurst && unacknowledged && nowUs - lastUs >= AskUs;
                if (inBurst && awaitedUs == 0)
                    awaitedUs = nowUs;
                else if (!tell && !ask)
                {
                    long due = unacknowledged ? Math.Min(nextBurstUs, lastUs + AskUs) : nextBurstUs;
                    waitMs = inBurst ? 100 : (int)Math.Max(1, (due - nowUs) / 1000);
                    return false;
                }
                tell = false;
                lastUs = nowUs;
                if (clock.HasEstimate)
                    Encode.Ping(to, nowUs, clock.OffsetAt(nowUs), clock.Drift * 1e6, clock.UncertaintyUs);
                else
                    Encode.Ping(to, nowUs);
                return true;
            }
        }

        /// <summary>A pong came back at <paramref name="backUs"/>.</summary>
        internal void Answered(Pong pong, long backUs)
        {
            lock (gate)
            {
                if (awaitedUs == 0 || pong.SentUs != awaitedUs)
                    return;
                awaitedUs = 0;
                burst[answered++] = new Exchange
                {
                    SentUs = pong.SentUs,
                    ReceivedUs = pong.ReceivedUs,
                    AnsweredUs = pong.AnsweredUs,
                    BackUs = backUs
                };
                if (answered == ClockSync.Burst)
                    EndBurst();
            }
        }

        /// <summary>What is known of the server's clock.</summary>
        internal void Read(long nowUs, ref ClientStats stats)
        {
            lock (gate)
            {
                if (!clock.HasEstimate)
                    return;
                stats.OffsetUs = clock.OffsetAt(nowUs);
                stats.UncertaintyUs = clock.UncertaintyUs;
                stats.RoundTripUs = clock.DelayUs;
            }
        }

        void EndBurst()
        {
            clock.AddBurst(burst, answered);
            tell = clock.HasEstimate;
            inBurst = false;
            awaitedUs = 0;
        }
    }
}
