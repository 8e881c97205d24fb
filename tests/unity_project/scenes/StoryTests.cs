using System;
using System.Collections.Generic;
using System.IO;
using NUnit.Framework;

namespace Fedxr.Tests
{
    [TestFixture]
    public sealed class StoryTests
    {
        const string Fork =
            "beat start\nseconds 10\nOnce.\n-> left: Go left\n-> right: Go right\n-> odd (surprise)\n-> soft (quiet)\n"
            + "beat left\nL\nbeat right\nR\nbeat odd\nO\nbeat soft\nS\n";

        static Story Lighthouse()
        {
            return Story.Parse(File.ReadAllText(Path.Combine(
                Environment.GetEnvironmentVariable("FEDXR_PROJECT"), "Assets", "Stories", "lighthouse.txt")));
        }

        [Test]
        public void TheStoryHasNoFault()
        {
            CollectionAssert.IsEmpty(Lighthouse().Faults());
        }

        [Test]
        public void FromEveryBeatAnEndIsReached()
        {
            Story story = Lighthouse();
            foreach (Beat beat in story.Beats)
                Assert.That(EndsFrom(story, beat), Is.True, "no end after " + beat.Name);
        }

        // Dumb on purpose: follow every way, at most as often as there are beats.
        static bool EndsFrom(Story story, Beat first)
        {
            var met = new HashSet<string> { first.Name };
            for (int round = 0; round < story.Beats.Count; round++)
                foreach (Beat beat in story.Beats)
                    if (met.Contains(beat.Name))
                        foreach (Way way in beat.Ways)
                            met.Add(way.To);
            return story.Beats.Exists(beat => met.Contains(beat.Name) && beat.Ends);
        }

        [Test]
        public void ItBranchesAtLeastThreeTimesEachWay()
        {
            int choices = 0, surprises = 0, quiet = 0;
            foreach (Beat beat in Lighthouse().Beats)
            {
                choices += beat.Ways.FindAll(way => way.Text.Length > 0).Count >= 2 ? 1 : 0;
                surprises += beat.Ways.FindAll(way => way.When == "surprise").Count;
                quiet += beat.Ways.FindAll(way => way.When == Story.Quiet).Count;
            }
            Assert.That(choices, Is.AtLeast(3));
            Assert.That(surprises, Is.AtLeast(3));
            Assert.That(quiet, Is.AtLeast(3));
        }

        [Test]
        public void FaultsAreNamed()
        {
            List<string> faults = Story.Parse("beat a\nsound piano\nText.\n-> b (surprise)\nbeat c\n").Faults();
            string all = string.Join("\n", faults);
            Assert.That(all, Is.StringContaining("sound piano"));
            Assert.That(all, Is.StringContaining("there is no beat b"));
            Assert.That(all, Is.StringContaining("no way is open without a cue"));
            Assert.That(all, Is.StringContaining("c has no text"));
            Assert.That(all, Is.StringContaining("c is never reached"));
            Assert.Throws<ArgumentException>(() => new Telling(Story.Parse("")));
        }

        [Test]
        public void BadLinesAreRefusedWithTheirNumber()
        {
            var late = Assert.Throws<FormatException>(() => Story.Parse("\nOnce upon a time"));
            Assert.That(late.Message, Is.StringStarting("line 2"));
            var slow = Assert.Throws<FormatException>(() => Story.Parse("beat a\nseconds soon"));
            Assert.That(slow.Message, Is.StringContaining("'soon'"));
        }

        [Test]
        public void TimeAloneTakesTheFirstOpenWayAtTheStorysPace()
        {
            var telling = new Telling(Story.Parse(Fork)) { Speed = 0.5f };
            Assert.That(telling.Tick(19f), Is.False);
            Assert.That(telling.Tick(2f), Is.True); // 21 s at half the pace: more than 10
            Assert.That(telling.Now.Name, Is.EqualTo("left"));
        }

        [Test]
        public void AChoiceCutsTheBeatShortOnceItCouldBeRead()
        {
            var telling = new Telling(Story.Parse(Fork));
            Assert.That(telling.Choose(2), Is.False);
            Assert.That(telling.Choose(1), Is.True);
            Assert.That(telling.Tick(1f), Is.False);
            Assert.That(telling.Tick(3f), Is.True);
            Assert.That(telling.Now.Name, Is.EqualTo("right"));
        }

        [Test]
        public void ACueTakesItsBranchAndAQuietSceneTheQuietOne()
        {
            var surprised = new Telling(Story.Parse(Fork));
            surprised.TakeBranch("surprise");
            surprised.Tick(Telling.ReadFirst);
            Assert.That(surprised.Now.Name, Is.EqualTo("odd"));
            Assert.That(surprised.Branch, Is.Null);
            var quiet = new Telling(Story.Parse(Fork)) { Quiet = true };
            quiet.Tick(10f);
            Assert.That(quiet.Now.Name, Is.EqualTo("soft"));
        }

        [Test]
        public void ABranchThatIsTakenBackIsNotTaken()
        {
            var telling = new Telling(Story.Parse(Fork));
            telling.TakeBranch("surprise");
            telling.ForgetBranch();
            telling.Tick(10f);
            Assert.That(telling.Now.Name, Is.EqualTo("left"));
        }

        [Test]
        public void AfterAnEndItBeginsAnew()
        {
            var telling = new Telling(Story.Parse(Fork));
            telling.Tick(10f);
            Assert.That(telling.Tick(Telling.Rest), Is.True);
            Assert.That(telling.Now.Name, Is.EqualTo("start"));
            Assert.That(telling.Told, Is.EqualTo(0));
        }
    }
}
