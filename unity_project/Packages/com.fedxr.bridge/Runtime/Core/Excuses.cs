using System;

namespace Fedxr
{
    /// <summary>There is no connection, or it is gone; another attempt may find one.</summary>
    sealed class LostException : Exception
    {
        internal LostException(string message)
            : base(message)
        {
        }
    }

    /// <summary>The server does not want this headset, and would not if it asked again.</summary>
    sealed class RefusedException : Exception
    {
        internal RefusedException(string message)
            : base(message)
        {
        }
    }

    /// <summary>What went wrong, in words for whoever wears the headset, and whether it passes.</summary>
    static class Excuses
    {
        /// <summary>Why there is no connection to <paramref name="url"/>.</summary>
        internal static Exception WhenConnecting(Uri url, double seconds, Exception error)
        {
            Exception cause = error.GetBaseException();
            if (cause is LostException || cause is RefusedException)
                return cause;
            string what = cause is TimeoutException ? "no answer within " + seconds + " s" : cause.Message;
            return new LostException("cannot reach a bridge at " + url + ": " + what
                + "; is it started (`fedxr serve`)?");
        }

        /// <summary>What a notice in place of the welcome means.</summary>
        internal static Exception WhenGreeted(Notice notice)
        {
            string text = "the bridge refused this headset: " + notice.Text;
            if (notice.Code == "gone" || notice.Code == "full") // these pass by themselves
                return new LostException(text);
            return new RefusedException(text);
        }
    }

    /// <summary>The waits between attempts; see <see cref="Retry"/>.</summary>
    sealed class Waits
    {
        readonly Retry retry;
        readonly Random chance = new Random(Guid.NewGuid().GetHashCode());
        double next;

        internal Waits(Retry retry)
        {
            this.retry = retry;
            next = retry.FirstSeconds;
        }

        internal void Restart()
        {
            next = retry.FirstSeconds;
        }

        internal double Next()
        {
            double wait = next * (0.5 + 0.5 * chance.NextDouble());
            next = Math.Min(2 * next, retry.MostSeconds);
            return wait;
        }
    }
}
