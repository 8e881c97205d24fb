using System;
using UnityEngine;

namespace Fedxr
{
    /// <summary>Sounds made by arithmetic, so that the project carries no recordings.</summary>
    public static class Tones
    {
        const int Rate = 22050;

        /// <summary>A soft note of <paramref name="hz"/> that dies away within <paramref name="seconds"/>.</summary>
        public static AudioClip Chime(float hz, float seconds)
        {
            return Make("chime", seconds, t =>
                0.3f * Mathf.Exp(-4f * t / seconds) * Mathf.Min(1f, 200f * t)
                * (Wave(hz, t) + 0.4f * Wave(2.76f * hz, t)));
        }

        /// <summary>Two notes in turn, four times a second.</summary>
        public static AudioClip Alarm()
        {
            return Make("alarm", 1f, t => 0.2f * Wave(Mathf.Repeat(4f * t, 1f) < 0.5f ? 880f : 660f, t));
        }

        /// <summary>
        /// The hum of a machine that turns <paramref name="turns"/> times a second; with
        /// <paramref name="wear"/> (0 to 1) its bearing rattles three times a turn.
        /// </summary>
        public static AudioClip Hum(float turns, float wear)
        {
            // whole turns in the clip, so that it loops without a click
            float hz = Mathf.Round(turns);
            return Make("hum", 1f, t =>
                0.12f * (Wave(2f * hz, t) + 0.5f * Wave(4f * hz, t))
                + 0.25f * wear * Mathf.Exp(-150f * Mathf.Repeat(t, 1f / (3f * hz))) * Wave(1900f, t));
        }

        /// <summary>A syllable of a voice that speaks no language, at <paramref name="hz"/>.</summary>
        public static AudioClip Syllable(float hz)
        {
            return Make("syllable", 0.16f, t =>
                0.25f * Mathf.Sin(Mathf.PI * t / 0.16f)
                * (Wave(hz, t) + 0.6f * Wave(2f * hz, t) + 0.3f * Wave(3f * hz, t)));
        }

        /// <summary>One of <see cref="Story.Sounds"/>, to be looped.</summary>
        /// <exception cref="ArgumentException">for another name.</exception>
        public static AudioClip Place(string name)
        {
            switch (name)
            {
                case "waves":
                    return Noise(name, 0.93f, t => 0.5f + 0.5f * Wave(0.25f, t));
                case "wind":
                    return Noise(name, 0.985f, t => 0.6f + 0.4f * Wave(0.5f, t));
                case "storm":
                    return Noise(name, 0.8f, t => 0.8f + 0.2f * Wave(0.75f, t));
                case "drip":
                    return Make(name, 4f, t => 0.4f * Mathf.Exp(-30f * Mathf.Repeat(t, 2f))
                        * Wave(1100f + 500f * Mathf.Repeat(t, 2f), t));
                case "warm":
                    return Make(name, 4f, t => 0.08f * (0.8f + 0.2f * Wave(0.25f, t))
                        * (Wave(220f, t) + Wave(275f, t) + Wave(330f, t)));
                default:
                    throw new ArgumentException("there is no sound '" + name + "'; allowed are "
                        + string.Join(", ", Story.Sounds));
            }
        }

        static float Wave(float hz, float t)
        {
            return Mathf.Sin(2f * Mathf.PI * hz * t);
        }

        /// <summary>Four seconds of noise, the darker the nearer <paramref name="smooth"/> is to 1.</summary>
        static AudioClip Noise(string name, float smooth, Func<float, float> level)
        {
            var random = new System.Random(name.Length);
            float last = 0f;
            return Make(name, 4f, t =>
            {
                last = smooth * last + (1f - smooth) * (2f * (float)random.NextDouble() - 1f);
                return 1.5f * level(t) * last / Mathf.Sqrt((1f - smooth) / (1f + smooth)) * 0.15f;
            });
        }

        static AudioClip Make(string name, float seconds, Func<float, float> sound)
        {
            var samples = new float[(int)(seconds * Rate)];
            for (int i = 0; i < samples.Length; i++)
                samples[i] = Mathf.Clamp(sound((float)i / Rate), -1f, 1f);
            AudioClip clip = AudioClip.Create(name, samples.Length, 1, Rate, false);
            clip.SetData(samples, 0);
            return clip;
        }
    }
}
