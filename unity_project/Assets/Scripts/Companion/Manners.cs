using UnityEngine;

namespace Fedxr
{
    /// <summary>How a companion carries itself: what <c>tone</c> changes.</summary>
    public sealed class Manners
    {
        /// <summary>Its colour.</summary>
        public readonly Color Color;

        /// <summary>The pitch of its voice, in hertz.</summary>
        public readonly float Voice;

        /// <summary>Syllables a second.</summary>
        public readonly float Tempo;

        /// <summary>How high it bounces, in metres.</summary>
        public readonly float Bounce;

        /// <summary>How near it comes to speak, in metres.</summary>
        public readonly float Near;

        Manners(Color color, float voice, float tempo, float bounce, float near)
        {
            Color = color;
            Voice = voice;
            Tempo = tempo;
            Bounce = bounce;
            Near = near;
        }

        /// <summary>When nothing is asked.</summary>
        public static readonly Manners Calm =
            new Manners(new Color(0.85f, 0.85f, 0.8f), 220f, 4f, 0.02f, 1.4f);

        static readonly Manners Playful =
            new Manners(new Color(1f, 0.8f, 0.3f), 330f, 6f, 0.10f, 1.2f);

        static readonly Manners Gentle =
            new Manners(new Color(0.6f, 0.75f, 1f), 180f, 2.5f, 0.01f, 1.5f);

        static readonly Manners Brief =
            new Manners(new Color(0.45f, 0.7f, 0.5f), 200f, 3f, 0f, 1.55f);

        /// <summary>The manners called <paramref name="name"/>: playful, gentle, brief; else calm.</summary>
        public static Manners Named(string name)
        {
            switch (name)
            {
                case "playful":
                    return Playful;
                case "gentle":
                    return Gentle;
                case "brief":
                    return Brief;
                default:
                    return Calm;
            }
        }

        /// <summary>
        /// <paramref name="speech"/> as it would put it: the brief say their first sentence only, the
        /// playful and the gentle add a word.
        /// </summary>
        public string Put(string speech)
        {
            if (this == Brief)
            {
                int end = speech.IndexOfAny(new[] { '.', '?', '!' });
                return end < 0 ? speech : speech.Substring(0, end + 1);
            }
            if (this == Playful)
                return "Hey! " + speech;
            return this == Gentle ? "No hurry. " + speech : speech;
        }
    }
}
