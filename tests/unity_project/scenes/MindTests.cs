using NUnit.Framework;

namespace Fedxr.Tests
{
    [TestFixture]
    public sealed class MindTests
    {
        const float Far = 4f, Near = 1f;

        [Test]
        public void ItComesNearBeforeItSpeaks()
        {
            var mind = new Mind();
            Assert.That(mind.Act("hint", "doing", "greet back", "Hello"), Is.True);
            mind.Tick(1f, Far);
            Assert.That(mind.Stance, Is.EqualTo(Stance.Approaching));
            Assert.That(mind.Speech, Is.Empty);
            mind.Tick(0.1f, Near);
            Assert.That(mind.Stance, Is.EqualTo(Stance.Telling));
            Assert.That(mind.Speech, Is.EqualTo("Hello"));
            mind.Tick(Mind.Remark, Near);
            Assert.That(mind.Stance, Is.EqualTo(Stance.Silent));
        }

        [Test]
        public void AnOfferWaitsForAnAnswerAndNotForEver()
        {
            Mind mind = Offering();
            Assert.That(mind.Answer(true), Is.True);
            Assert.That(mind.Stance, Is.EqualTo(Stance.Silent));
            Assert.That(mind.Answer(true), Is.False);
            mind = Offering();
            mind.Tick(Mind.Patience, Near);
            Assert.That(mind.Stance, Is.EqualTo(Stance.Silent));
        }

        [Test]
        public void WhatWasDeclinedIsNotOfferedAgainForAWhile()
        {
            Mind mind = Offering();
            mind.Answer(false);
            Assert.That(mind.Act("suggest", "doing", "tea", "Tea?"), Is.False);
            Assert.That(mind.Stance, Is.EqualTo(Stance.Silent));
            Assert.That(mind.Act("suggest", "doing", "music", "Music?"), Is.True);
            mind.Tick(Mind.Sulk, Far);
            Assert.That(mind.Act("suggest", "doing", "tea", "Tea?"), Is.True);
        }

        [Test]
        public void AReminderIsToldOnce()
        {
            var mind = new Mind();
            mind.Act("remind", "activity", "what was planned", "Water the plants.");
            mind.Tick(0.1f, Near);
            mind.Tick(Mind.Remark, Near);
            Assert.That(mind.Act("remind", "activity", "what was planned", "Again."), Is.False);
        }

        [TestCase("co-navigate", Stance.WalkingAlong)]
        [TestCase("point the way", Stance.PointingTheWay)]
        public void ItNavigatesInTwoWays(string what, Stance expected)
        {
            var mind = new Mind();
            mind.Act("navigate", "doing", what, "That way.");
            mind.Tick(0.1f, Near);
            mind.Tick(60f, Near); // for as long as the cue holds
            Assert.That(mind.Stance, Is.EqualTo(expected));
        }

        [Test]
        public void ItLingersBeforeItLeavesAndDoesNotGreetTwice()
        {
            var mind = new Mind();
            Greet(mind);
            Assert.That(mind.Speech, Is.EqualTo("Hello"));
            mind.Clear("doing");
            mind.Tick(Mind.Linger - 0.1f, Near);
            Assert.That(mind.Leaves, Is.False);
            mind.Tick(0.2f, Near);
            Assert.That(mind.Leaves, Is.True);
            Greet(mind);
            Assert.That(mind.Stance, Is.EqualTo(Stance.Telling)); // waves, but says nothing
            Assert.That(mind.Speech, Is.Empty);
            mind.Tick(Mind.Novelty, Near);
            Greet(mind);
            Assert.That(mind.Speech, Is.EqualTo("Hello"));
        }

        static void Greet(Mind mind)
        {
            mind.Act("hint", "doing", "greet back", "Hello");
            mind.Tick(0.01f, Near);
        }

        [Test]
        public void ClearTakesBackItsOwnTaskOnly()
        {
            Mind mind = Offering();
            mind.Clear("mood");
            Assert.That(mind.Stance, Is.EqualTo(Stance.Offering));
            mind.Clear("doing");
            Assert.That(mind.Stance, Is.EqualTo(Stance.Silent));
        }

        static Mind Offering()
        {
            var mind = new Mind();
            mind.Act("suggest", "doing", "tea", "Tea?");
            mind.Tick(0.1f, Near);
            Assert.That(mind.Stance, Is.EqualTo(Stance.Offering));
            return mind;
        }
    }
}
