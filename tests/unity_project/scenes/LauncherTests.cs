using NUnit.Framework;

namespace Fedxr.Tests
{
    [TestFixture]
    public sealed class LauncherTests
    {
        [Test]
        public void ScrollGoesRoundAndTurnsThePagesOfAnOpenApp()
        {
            var launcher = new Launcher("Mail", "Maps");
            launcher.Do("scroll");
            Assert.That(launcher.Highlighted, Is.EqualTo(1));
            launcher.Do("scroll");
            Assert.That(launcher.Highlighted, Is.EqualTo(0));
            launcher.Do("open app");
            launcher.Do("scroll");
            Assert.That(launcher.Page, Is.EqualTo(1));
            Assert.That(launcher.Highlighted, Is.EqualTo(0));
        }

        [Test]
        public void BackClosesThenGoesBack()
        {
            var launcher = new Launcher("Mail", "Maps", "Music");
            launcher.Do("select");
            Assert.That(launcher.Open, Is.EqualTo(0));
            Assert.That(launcher.Do("select"), Is.False); // open already
            launcher.Do("back");
            Assert.That(launcher.Open, Is.EqualTo(-1));
            launcher.Do("back");
            Assert.That(launcher.Highlighted, Is.EqualTo(2));
        }

        [Test]
        public void WhatIsNotForALauncherChangesNothing()
        {
            var launcher = new Launcher("Mail");
            Assert.That(launcher.Do("shake"), Is.False);
            Assert.That(launcher.Highlighted, Is.EqualTo(0));
            Assert.That(launcher.Open, Is.EqualTo(-1));
        }

        [Test]
        public void TheSlowestTaskSetsThePace()
        {
            var tempo = new Tempo();
            tempo.Set("workload", 0.5f, false);
            tempo.Set("tension", 0.7f, true);
            Assert.That(tempo.Speed, Is.EqualTo(0.5f));
            Assert.That(tempo.Animations, Is.False);
            tempo.Clear("workload");
            Assert.That(tempo.Speed, Is.EqualTo(0.7f));
            Assert.That(tempo.Animations, Is.True);
            tempo.Clear("tension");
            Assert.That(tempo.Speed, Is.EqualTo(1f));
        }

        [Test]
        public void IntensityIsTheSumOfItsChanges()
        {
            var dial = new Dial();
            dial.Set("engagement", -0.3f);
            Assert.That(dial.Value, Is.EqualTo(0.7f).Within(1e-6));
            dial.Set("other", -5f);
            Assert.That(dial.Value, Is.EqualTo(Dial.Least));
            dial.Clear("other");
            dial.Clear("engagement");
            Assert.That(dial.Value, Is.EqualTo(1f));
        }

        [TestCase("a bb ccc", 4, "a bb\nccc")]
        [TestCase("enormous x", 3, "enormous\nx")]
        [TestCase("  spaced   out ", 20, "spaced out")]
        public void LinesBreakBetweenWords(string text, int columns, string expected)
        {
            Assert.That(Lines.Wrap(text, columns), Is.EqualTo(expected));
        }
    }
}
