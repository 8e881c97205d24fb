using System;
using System.Collections.Generic;
using System.Globalization;

namespace Fedxr
{
    /// <summary>One way on from a beat.</summary>
    public sealed class Way
    {
        /// <summary>The beat it leads to.</summary>
        public readonly string To;

        /// <summary>What the player reads as a choice; empty where the player is not asked.</summary>
        public readonly string Text;

        /// <summary>
        /// "" open to everybody; otherwise the word that opens it: <c>quiet</c> while the scene is
        /// turned down, or the <c>to</c> of a branch cue (<c>surprise</c>).
        /// </summary>
        public readonly string When;

        public Way(string to, string text, string when)
        {
            To = to;
            Text = text;
            When = when;
        }
    }

    /// <summary>One beat of a story: what is told, how it looks and sounds, and the ways on.</summary>
    public sealed class Beat
    {
        public readonly string Name;
        public readonly List<Way> Ways = new List<Way>();

        public string Text = "";

        /// <summary>How long it lasts at the usual pace, in seconds.</summary>
        public float Seconds = 15f;

        /// <summary>Red, green and blue of the light, 0 to 1.</summary>
        public float[] Light = { 1f, 0.9f, 0.8f };

        /// <summary>One of <see cref="Story.Sounds"/>.</summary>
        public string Sound = "waves";

        public Beat(string name)
        {
            Name = name;
        }

        /// <summary>Whether the story ends here.</summary>
        public bool Ends
        {
            get { return Ways.Count == 0; }
        }
    }

    /// <summary>
    /// A branching story, written as plain text so that a writer needs no editor of ours.
    /// </summary>
    /// <remarks>
    /// A beat begins with <c>beat NAME</c>, may set <c>seconds 14</c>, <c>light 0.9 0.8 0.6</c> and
    /// <c>sound waves</c>, and goes on with its text. Its ways on are lines such as
    /// <c>-> flats: Walk across the sand</c> (a choice), <c>-> door</c> (goes by itself) and
    /// <c>-> bell (surprise)</c> (opened by a cue). A beat without a way is an end.
    /// </remarks>
    public sealed class Story
    {
        /// <summary>The sounds that a beat can name.</summary>
        public static readonly string[] Sounds = { "waves", "wind", "drip", "warm", "storm" };

        /// <summary>How many choices a beat can offer: that many keys there are.</summary>
        public const int MostChoices = 2;

        /// <summary>The word of the ways that are open while the scene is turned down.</summary>
        public const string Quiet = "quiet";

        /// <summary>In the order of the text; the story begins with the first.</summary>
        public readonly List<Beat> Beats = new List<Beat>();

        /// <summary>Reads a story.</summary>
        /// <exception cref="FormatException">names the line and what is allowed there.</exception>
        public static Story Parse(string text)
        {
            var story = new Story();
            Beat beat = null;
            string[] lines = text.Replace("\r", "").Split('\n');
            for (int i = 0; i < lines.Length; i++)
            {
                string line = lines[i].Trim();
                if (line.Length == 0 || line[0] == '#')
                    continue;
                if (line.StartsWith("beat ", StringComparison.Ordinal))
                {
                    beat = new Beat(line.Substring(5).Trim());
                    story.Beats.Add(beat);
                }
                else if (beat == null)
                {
                    throw new FormatException(
                        "line " + (i + 1) + ": a story begins with 'beat NAME', not '" + line + "'");
                }
                else
                {
                    Read(beat, line, i + 1);
                }
            }
            return story;
        }

        /// <summary>The beat called <paramref name="name"/>, or null.</summary>
        public Beat Find(string name)
        {
            foreach (Beat beat in Beats)
            {
                if (beat.Name == name)
                    return beat;
            }
            return null;
        }

        /// <summary>
        /// What is wrong with the story, one sentence each; empty for a sound one. Every beat can be
        /// reached; every way leads somewhere; every beat has an unconditional way or is an end.
        /// </summary>
        public List<string> Faults()
        {
            var faults = new List<string>();
            if (Beats.Count == 0)
                faults.Add("the story has no beat");
            var names = new HashSet<string>();
            foreach (Beat beat in Beats)
            {
                if (!names.Add(beat.Name))
                    faults.Add("beat " + beat.Name + " is written twice");
                if (beat.Text.Length == 0)
                    faults.Add("beat " + beat.Name + " has no text");
                if (Array.IndexOf(Sounds, beat.Sound) < 0)
                    faults.Add("beat " + beat.Name + ": sound " + beat.Sound + "; allowed are "
                        + string.Join(", ", Sounds));
                if (beat.Ways.FindAll(way => way.Text.Length > 0).Count > MostChoices)
                    faults.Add("beat " + beat.Name + " has more than " + MostChoices + " choices");
                bool open = beat.Ends;
                foreach (Way way in beat.Ways)
                {
                    open |= way.When.Length == 0;
                    if (Find(way.To) == null)
                        faults.Add("beat " + beat.Name + ": there is no beat " + way.To);
                }
                if (!open)
                    faults.Add("beat " + beat.Name + ": no way is open without a cue");
            }
            HashSet<string> met = Reached();
            foreach (Beat beat in Beats)
            {
                if (!met.Contains(beat.Name))
                    faults.Add("beat " + beat.Name + " is never reached");
            }
            return faults;
        }

        HashSet<string> Reached()
        {
            var met = new HashSet<string>();
            var next = new Stack<Beat>();
            if (Beats.Count > 0)
                next.Push(Beats[0]);
            while (next.Count > 0)
            {
                Beat beat = next.Pop();
                if (beat == null || !met.Add(beat.Name))
                    continue;
                foreach (Way way in beat.Ways)
                    next.Push(Find(way.To));
            }
            return met;
        }

        static void Read(Beat beat, string line, int number)
        {
            int space = line.IndexOf(' ');
            string word = space < 0 ? line : line.Substring(0, space);
            string rest = space < 0 ? "" : line.Substring(space + 1).Trim();
            if (word == "->")
                beat.Ways.Add(ReadWay(rest));
            else if (word == "seconds")
                beat.Seconds = Number(rest, 1f, 300f, number);
            else if (word == "light")
                beat.Light = ReadLight(rest, number);
            else if (word == "sound")
                beat.Sound = rest;
            else
                beat.Text = beat.Text.Length == 0 ? line : beat.Text + " " + line;
        }

        static Way ReadWay(string rest)
        {
            string when = "", text = "";
            int colon = rest.IndexOf(':');
            if (colon >= 0)
            {
                text = rest.Substring(colon + 1).Trim();
                rest = rest.Substring(0, colon).Trim();
            }
            int bracket = rest.IndexOf('(');
            if (bracket >= 0)
            {
                when = rest.Substring(bracket).Trim('(', ')', ' ');
                rest = rest.Substring(0, bracket).Trim();
            }
            return new Way(rest, text, when);
        }

        static float[] ReadLight(string rest, int line)
        {
            string[] parts = rest.Split(new[] { ' ' }, StringSplitOptions.RemoveEmptyEntries);
            if (parts.Length != 3)
                throw new FormatException("line " + line + ": 'light' takes red, green and blue, not '"
                    + rest + "'");
            var light = new float[3];
            for (int k = 0; k < 3; k++)
                light[k] = Number(parts[k], 0f, 1f, line);
            return light;
        }

        static float Number(string text, float least, float most, int line)
        {
            float value;
            bool read = float.TryParse(
                text, NumberStyles.Float, CultureInfo.InvariantCulture, out value);
            if (!read || !(value >= least && value <= most))
                throw new FormatException("line " + line + ": '" + text + "' where a number from "
                    + least.ToString(CultureInfo.InvariantCulture) + " to "
                    + most.ToString(CultureInfo.InvariantCulture) + " is due");
            return value;
        }
    }
}
