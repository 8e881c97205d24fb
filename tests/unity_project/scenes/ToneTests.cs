using System;
using System.Linq;
using NUnit.Framework;
using UnityEngine;

namespace Fedxr.Tests
{
    [TestFixture]
    public sealed class ToneTests
    {
        static float[] Samples(AudioClip clip)
        {
            var samples = new float[clip.samples];
            clip.GetData(samples, 0);
            return samples;
        }

        static double Level(AudioClip clip) => Math.Sqrt(Samples(clip).Select(x => (double)x * x).Average());

        [Test]
        public void EveryPlaceOfAStoryIsHeardAndNotDistorted()
        {
            foreach (string name in Story.Sounds)
            {
                AudioClip clip = Tones.Place(name);
                Assert.That(Level(clip), Is.InRange(0.02, 0.5), name);
                // of a sound that is cut at full scale, many samples are
                Assert.That(Samples(clip).Count(x => Math.Abs(x) >= 1), Is.LessThan(clip.samples / 100), name);
            }
            Assert.Throws<ArgumentException>(() => Tones.Place("piano"));
        }

        [Test]
        public void AWornMachineSoundsOtherThanAHealthyOne()
        {
            Assert.That(Level(Tones.Hum(12, 1)), Is.GreaterThan(1.1 * Level(Tones.Hum(12, 0))));
        }

        [Test]
        public void AHumLoopsWithoutAClick()
        {
            float[] hum = Samples(Tones.Hum(12.3f, 0)); // a whole number of turns is taken
            float step = 0;
            for (int i = 1; i < hum.Length; i++)
                step = Math.Max(step, Math.Abs(hum[i] - hum[i - 1]));
            Assert.That(Math.Abs(hum[0] - hum[hum.Length - 1]), Is.LessThanOrEqualTo(step));
        }

        [Test]
        public void ASyllableIsAsHighAsTheVoice()
        {
            float[] samples = Samples(Tones.Syllable(200));
            // upward crossings of zero in the middle tenth of a second: one a period
            int from = (int)(0.03 * 22050), n = (int)(0.1 * 22050), crossings = 0;
            for (int i = from; i < from + n; i++)
                crossings += samples[i - 1] < 0 && samples[i] >= 0 ? 1 : 0;
            Assert.That(crossings, Is.InRange(19, 21));
        }
    }
}
