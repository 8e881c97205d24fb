using NUnit.Framework;
using UnityEngine;

namespace Fedxr.Tests
{
    [TestFixture]
    public sealed class DwellTests
    {
        TextMesh[] options;
        Dwell dwell;

        [SetUp]
        public void Build()
        {
            options = new[] { Option(-0.5f), Option(0.5f) };
            dwell = new Dwell(1.5f, 9f);
        }

        [TearDown]
        public void Remove()
        {
            foreach (TextMesh option in options)
                Object.DestroyImmediate(option.gameObject);
        }

        static TextMesh Option(float x)
        {
            TextMesh text = new GameObject("Option").AddComponent<TextMesh>();
            text.transform.position = new Vector3(x, 0, 2);
            text.text = "this";
            return text;
        }

        int Look(float x, float seconds)
        {
            return dwell.Chosen(new Ray(Vector3.zero, new Vector3(x, 0, 2)), options, seconds);
        }

        [Test]
        public void WhoKeepsLookingHasChosenOnce()
        {
            Assert.That(Look(0.5f, 0.1f), Is.EqualTo(-1));
            Assert.That(Look(0.5f, 1.3f), Is.EqualTo(-1));
            Assert.That(Look(0.5f, 0.2f), Is.EqualTo(1));
            Assert.That(Look(0.5f, 5f), Is.EqualTo(-1));
        }

        [Test]
        public void AGlanceAwayBeginsAnew()
        {
            Look(-0.5f, 1.4f);
            Look(0f, 0.1f); // between the two: 14 degrees from either
            Assert.That(Look(-0.5f, 1.4f), Is.EqualTo(-1));
            Assert.That(Look(-0.5f, 0.2f), Is.EqualTo(0));
        }

        [Test]
        public void WhatIsNotShownIsNotChosen()
        {
            options[0].text = "";
            options[1].gameObject.SetActive(false);
            Assert.That(Look(-0.5f, 2f), Is.EqualTo(-1));
            Assert.That(Look(0.5f, 2f), Is.EqualTo(-1));
        }
    }
}
