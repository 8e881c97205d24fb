using System.Collections.Generic;

namespace Fedxr
{
    /// <summary>What a companion is doing.</summary>
    public enum Stance
    {
        /// <summary>Keeps its distance and says nothing.</summary>
        Silent,

        /// <summary>Comes nearer, because it has something to say.</summary>
        Approaching,

        /// <summary>Has offered something and waits for a yes.</summary>
        Offering,

        /// <summary>Tells or greets, once.</summary>
        Telling,

        /// <summary>Walks along with the user.</summary>
        WalkingAlong,

        /// <summary>Stands and points the way.</summary>
        PointingTheWay,
    }

    /// <summary>
    /// A companion's decisions, without its body. A cue gives it an errand; it comes near first,
    /// then speaks, waits for an answer where one is due, and goes back to its silence. What was
    /// declined is not offered again for <see cref="Sulk"/> seconds, and a reminder is told once.
    /// </summary>
    public sealed class Mind
    {
        /// <summary>From how near it speaks, in metres.</summary>
        public const float SpeakingDistance = 2.2f;

        /// <summary>How long it waits for a yes, and how long a remark stays, in seconds.</summary>
        public const float Patience = 12f, Remark = 6f;

        /// <summary>Seconds during which a declined offer is not made again.</summary>
        public const float Sulk = 30f;

        /// <summary>
        /// Seconds for which it stays near after an errand, since the next often follows, and for which
        /// it does not repeat a greeting or an announcement.
        /// </summary>
        public const float Linger = 4f, Novelty = 20f;

        /// <summary>The text of the navigate cue that asks for a pointing arm.</summary>
        public const string PointTheWay = "point the way";

        readonly Dictionary<string, float> declined = new Dictionary<string, float>();
        readonly HashSet<string> told = new HashSet<string>();
        readonly Dictionary<string, float> repeatFrom = new Dictionary<string, float>();
        string act = "", task = "", what = "", speech = "";
        float clock, since;

        /// <summary>What it is doing now.</summary>
        public Stance Stance { get; private set; }

        /// <summary>Whether it goes back to where it waits.</summary>
        public bool Leaves
        {
            get { return Stance == Stance.Silent && since >= Linger; }
        }

        /// <summary>What it says now; empty when it is silent.</summary>
        public string Speech
        {
            get
            {
                bool speaks = Stance != Stance.Silent && Stance != Stance.Approaching;
                return speaks ? speech : "";
            }
        }

        /// <summary>
        /// An errand from a cue on <paramref name="task"/>: <paramref name="act"/> is
        /// <c>suggest</c>, <c>remind</c>, <c>hint</c> or <c>navigate</c>, <paramref name="what"/> the
        /// cue's own text, and <paramref name="speech"/> how it is put into words here.
        /// </summary>
        /// <returns>false where it keeps silent instead: told already, or declined a moment ago.</returns>
        public bool Act(string act, string task, string what, string speech)
        {
            if (act == "remind" && told.Contains(what))
                return false;
            float until;
            if (act == "suggest" && declined.TryGetValue(what, out until) && clock < until)
                return false;
            this.act = act;
            this.task = task;
            this.what = what;
            this.speech = speech;
            Change(Stance.Approaching);
            return true;
        }

        /// <summary>Takes back what <paramref name="task"/> asked for last.</summary>
        public void Clear(string task)
        {
            if (this.task == task)
                Hush();
        }

        /// <summary>The user's yes or no to an offer.</summary>
        /// <returns>false when nothing is on offer.</returns>
        public bool Answer(bool yes)
        {
            if (Stance != Stance.Offering)
                return false;
            if (!yes)
                declined[what] = clock + Sulk;
            Hush();
            return true;
        }

        /// <summary>Lets time go by with the user <paramref name="distance"/> metres away.</summary>
        public void Tick(float seconds, float distance)
        {
            clock += seconds;
            since += seconds;
            if (Stance == Stance.Approaching && distance <= SpeakingDistance)
                Speak();
            else if (Stance == Stance.Offering && since >= Patience)
                Hush();
            else if (Stance == Stance.Telling && since >= Remark)
                Hush();
        }

        void Speak()
        {
            float from;
            if (act == "suggest")
            {
                Change(Stance.Offering);
                return;
            }
            if (repeatFrom.TryGetValue(what, out from) && clock < from)
                speech = "";
            else
                repeatFrom[what] = clock + Novelty;
            if (act == "navigate")
            {
                Change(what == PointTheWay ? Stance.PointingTheWay : Stance.WalkingAlong);
            }
            else
            {
                if (act == "remind")
                    told.Add(what);
                Change(Stance.Telling);
            }
        }

        void Hush()
        {
            act = task = what = speech = "";
            Change(Stance.Silent);
        }

        void Change(Stance stance)
        {
            Stance = stance;
            since = 0f;
        }
    }
}
