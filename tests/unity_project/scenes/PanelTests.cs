using System.Collections.Generic;
using NUnit.Framework;
using UnityEngine;

namespace Fedxr.Tests
{
    [TestFixture]
    public sealed class PanelTests
    {
        static readonly string[] Four = { "rest", "select", "scroll", "back" };

        Transform panel;
        PanelButtons buttons;

        [SetUp]
        public void Build()
        {
            panel = new GameObject("Panel").transform;
            panel.position = new Vector3(1, 1.5f, 2);
            panel.rotation = Quaternion.Euler(0, 40, 0);
            buttons = new PanelButtons(panel);
            buttons.Show(Four);
        }

        [TearDown]
        public void Remove()
        {
            Object.DestroyImmediate(panel.gameObject);
        }

        Vector3 Middle(int button) => panel.Find("Button " + button).position;

        [Test]
        public void ARayMeetsTheButtonItPointsAt()
        {
            var eye = new Vector3(0, 1.6f, 0);
            for (int i = 0; i < 4; i++)
                Assert.That(buttons.At(new Ray(eye, Middle(i) - eye)), Is.EqualTo(i));
            Assert.That(buttons.At(new Ray(eye, Vector3.back)), Is.EqualTo(-1));
            Assert.That(buttons.At(new Ray(eye, panel.position + panel.up - eye)), Is.EqualTo(-1));
        }

        [Test]
        public void FromBehindNothingIsMet()
        {
            Vector3 behind = Middle(1) + panel.forward;
            Assert.That(buttons.At(new Ray(behind, -panel.forward)), Is.EqualTo(-1));
        }

        [Test]
        public void SeventyClassesHaveAButtonEach()
        {
            var names = new List<string>();
            for (int i = 0; i < 70; i++)
                names.Add("character " + i);
            buttons.Show(names);
            for (int i = 0; i < 70; i++)
                Assert.That(buttons.At(new Ray(Middle(i) - panel.forward, panel.forward)), Is.EqualTo(i));
            buttons.Show(Four);
            Assert.That(panel.Find("Button 5").gameObject.activeSelf, Is.False);
        }

        [Test]
        public void APointerPressesByRestingOnceForEachVisit()
        {
            var tip = new GameObject("Tip").transform;
            var pointer = new PanelPointer(tip, 0.8f);
            PointAt(tip, 2);
            Assert.That(pointer.Pressed(buttons, 0f), Is.EqualTo(-1));
            Assert.That(pointer.Pressed(buttons, 0.7f), Is.EqualTo(-1));
            Assert.That(pointer.Pressed(buttons, 0.9f), Is.EqualTo(2));
            Assert.That(pointer.Pressed(buttons, 2f), Is.EqualTo(-1));
            PointAt(tip, 3);
            pointer.Pressed(buttons, 3f);
            PointAt(tip, 2);
            pointer.Pressed(buttons, 4f);
            Assert.That(pointer.Pressed(buttons, 5f), Is.EqualTo(2));
        }

        [Test]
        public void AFingerPressesByGoingThroughFromTheFront()
        {
            var tip = new GameObject("Tip").transform;
            var pointer = new PanelPointer(tip, 0.8f);
            tip.position = Middle(1) - 0.03f * panel.forward;
            Assert.That(pointer.Pressed(buttons, 0f), Is.EqualTo(-1));
            tip.position = Middle(1) + 0.01f * panel.forward;
            Assert.That(pointer.Pressed(buttons, 0.1f), Is.EqualTo(1));
            Assert.That(pointer.Pressed(buttons, 0.2f), Is.EqualTo(-1));
            tip.position = Middle(1) - 0.03f * panel.forward; // out again
            Assert.That(pointer.Pressed(buttons, 0.3f), Is.EqualTo(-1));
        }

        void PointAt(Transform tip, int button)
        {
            tip.position = Middle(button) - 0.6f * panel.forward;
            tip.rotation = Quaternion.LookRotation(panel.forward, Vector3.up);
        }
    }
}
