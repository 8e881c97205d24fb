using System;
using System.Collections.Generic;

namespace Fedxr
{
    /// <summary>
    /// Where one player stands in a story. Time runs at <see cref="Speed"/>; when a beat is over,
    /// the story takes the way of a waiting branch cue, else the quiet way while the scene is turned
    /// down, else the player's choice, else the first open way.
    /// </summary>
    public sealed class Telling
    {
        /// <summary>A surprise cuts a beat short, but never before it was read this long (s).</summary>
        public const float ReadFirst = 4f;

        /// <summary>How long an end stays before the story begins anew, in seconds.</summary>
        public const float Rest = 20f;

        readonly Story story;
        int choice = -1;

        public Telling(Story story)
        {
            List<string> faults = story.Faults();
            if (faults.Count > 0)
                throw new ArgumentException("this story cannot be told: " + string.Join("; ", faults));
            this.story = story;
            Speed = 1f;
            Now = story.Beats[0];
        }

        /// <summary>The beat that is told now.</summary>
        public Beat Now { get; private set; }

        /// <summary>Seconds of story time since it began.</summary>
        public float Elapsed { get; private set; }

        /// <summary>Story seconds per second; 1 is the usual pace.</summary>
        public float Speed { get; set; }

        /// <summary>Whether the scene is turned down, which opens the quiet ways.</summary>
        public bool Quiet { get; set; }

        /// <summary>The branch that a cue asked for and that has not been taken yet; else null.</summary>
        public string Branch { get; private set; }

        /// <summary>How many beats have been told since the story began.</summary>
        public int Told { get; private set; }

        /// <summary>Takes the way that <paramref name="branch"/> opens, here or at a later beat.</summary>
        public void TakeBranch(string branch)
        {
            Branch = branch;
        }

        /// <summary>Takes back a branch that has not been taken yet.</summary>
        public void ForgetBranch()
        {
            Branch = null;
        }

        /// <summary>The ways that the player may choose from, in order.</summary>
        public List<Way> Choices()
        {
            return Now.Ways.FindAll(way => way.When.Length == 0 && way.Text.Length > 0);
        }

        /// <summary>The player's choice: the <paramref name="index"/>-th of <see cref="Choices"/>.</summary>
        /// <returns>false where there is no such choice.</returns>
        public bool Choose(int index)
        {
            if (index < 0 || index >= Choices().Count)
                return false;
            choice = index;
            return true;
        }

        /// <summary>Lets time go by; true when another beat begins.</summary>
        public bool Tick(float seconds)
        {
            Elapsed += seconds * Speed;
            if (Now.Ends)
                return Elapsed >= Rest && Begin(story.Beats[0], 0);
            Way cued = Branch == null ? null : Now.Ways.Find(way => way.When == Branch);
            if (cued != null && Elapsed >= ReadFirst)
            {
                Branch = null;
                return Begin(story.Find(cued.To), Told + 1);
            }
            bool chosen = choice >= 0 && Elapsed >= ReadFirst;
            if (Elapsed < Now.Seconds && !chosen)
                return false;
            return Begin(story.Find(Next().To), Told + 1);
        }

        Way Next()
        {
            Way quiet = Quiet ? Now.Ways.Find(way => way.When == Story.Quiet) : null;
            if (choice >= 0)
                return Choices()[choice];
            return quiet ?? Now.Ways.Find(way => way.When.Length == 0);
        }

        bool Begin(Beat beat, int told)
        {
            Now = beat;
            Told = told;
            Elapsed = 0f;
            choice = -1;
            return true;
        }
    }
}
