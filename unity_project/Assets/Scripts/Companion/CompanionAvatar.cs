using UnityEngine;

namespace Fedxr
{
    /// <summary>
    /// Carries out <c>suggest</c>, <c>remind</c>, <c>hint</c>, <c>navigate</c> and <c>tone</c> with a
    /// body: it comes near and speaks, waits for a yes, walks along, points the way, or keeps its
    /// distance in silence. What it decides stands in <see cref="Mind"/>, this is how it looks.
    /// </summary>
    public sealed class CompanionAvatar : CueActor
    {
        [SerializeField] Transform user;

        [Tooltip("What bounces and is coloured.")]
        [SerializeField] Transform body;

        [SerializeField] Renderer coat;

        [Tooltip("The arm that waves and points, turning about its own X.")]
        [SerializeField] Transform arm;

        [SerializeField] Tag speech;
        [SerializeField] AudioSource voice;

        [Tooltip("Yes and no, to what it offers.")]
        [SerializeField] Options answers;

        [Tooltip("Where it waits in silence.")]
        [SerializeField] Transform corner;

        [Tooltip("The places of a round walk, in order.")]
        [SerializeField] Transform[] way;

        [Tooltip("What it reminds of, one after the other.")]
        [SerializeField] string[] plan = { "water the plants" };

        [Tooltip("Metres a second.")]
        [SerializeField] float speed = 1.6f;

        readonly Mind mind = new Mind();
        Manners manners = Manners.Calm;
        Manners sung;
        string mannersFrom = "", said = "";
        float nextSyllable, speakUntil;
        int planned, goal;
        Thing offered;

        /// <summary>What it decides.</summary>
        public Mind Mind
        {
            get { return mind; }
        }

        /// <summary>How it carries itself.</summary>
        public Manners Manners
        {
            get { return manners; }
        }

        public override void Act(Cue cue)
        {
            Clear(cue.Task);
            if (cue.Kind == "tone")
            {
                mannersFrom = cue.Task;
                manners = Manners.Named(cue.Text("manner", ""));
                return;
            }
            string what = cue.Text("text", "");
            if (cue.Kind == "navigate")
                goal = NearestWay();
            mind.Act(cue.Kind, cue.Task, what, Words(cue.Kind, what));
        }

        public override void Clear(string task)
        {
            if (task == mannersFrom)
                manners = Manners.Calm;
            mind.Clear(task);
        }

        /// <summary>The user's answer to what it has offered.</summary>
        public void Answer(bool yes)
        {
            if (mind.Answer(yes))
                Say(!yes ? "Another time." : offered == null ? "I see nothing near." : offered.About);
        }

        string Words(string act, string what)
        {
            if (act == "remind" && plan.Length > 0)
                return "You wanted to " + plan[planned++ % plan.Length] + ".";
            if (act == "suggest")
            {
                offered = Thing.InReach(user.position);
                return offered == null
                    ? "Shall I look around for you?"
                    : "That is the " + offered.Title + ". Shall I tell you about it?";
            }
            if (act == "navigate")
                return what == Mind.PointTheWay ? "That way." : "I will walk with you.";
            return act == "hint" ? "Hello there!" : what;
        }

        void Update()
        {
            int answer = answers.Chosen();
            if (answer >= 0)
                Answer(answer == 0);
            mind.Tick(Time.deltaTime, Flat(user.position - transform.position).magnitude);
            Move();
            Gesture();
            Speak();
        }

        void Move()
        {
            Vector3 to = Place();
            Vector3 step = Flat(to - transform.position);
            if (step.magnitude > 0.05f)
                transform.position += step.normalized
                    * Mathf.Min(speed * Time.deltaTime, step.magnitude);
            bool going = step.magnitude > 0.3f;
            Vector3 facing = going ? step : Flat(user.position - transform.position);
            if (mind.Stance == Stance.PointingTheWay)
                facing = Flat(way[goal].position - transform.position);
            if (facing.magnitude > 0.01f)
                transform.rotation = Quaternion.RotateTowards(
                    transform.rotation, Quaternion.LookRotation(facing, Vector3.up),
                    240f * Time.deltaTime);
            if (mind.Stance == Stance.WalkingAlong && Flat(way[goal].position - user.position).magnitude < 1f)
                goal = (goal + 1) % way.Length;
        }

        /// <summary>Where it wants to stand now.</summary>
        Vector3 Place()
        {
            if (mind.Leaves)
                return corner.position;
            if (mind.Stance == Stance.Silent)
                return transform.position;
            if (mind.Stance == Stance.WalkingAlong)
            {
                // half a step ahead, on the side of the way
                Vector3 ahead = Flat(way[goal].position - user.position).normalized;
                return user.position + 0.8f * ahead + 0.7f * Vector3.Cross(Vector3.up, ahead);
            }
            Vector3 away = Flat(transform.position - user.position);
            return away.magnitude <= manners.Near
                ? transform.position
                : user.position + manners.Near * away.normalized;
        }

        void Gesture()
        {
            float bounce = Mathf.Abs(Mathf.Sin(manners.Tempo * Time.time)) * manners.Bounce;
            body.localPosition = new Vector3(0f, bounce, 0f);
            Material cloth = coat.material;
            cloth.color = Color.Lerp(cloth.color, manners.Color, Mathf.Clamp01(3f * Time.deltaTime));
            float lift = 10f;
            if (mind.Stance == Stance.PointingTheWay)
                lift = 90f;
            else if (mind.Stance == Stance.Telling)
                lift = 150f + 20f * Mathf.Sin(8f * Time.time);
            else if (mind.Stance == Stance.Offering)
                lift = 50f;
            arm.localRotation = Quaternion.RotateTowards(
                arm.localRotation, Quaternion.Euler(-lift, 0f, 0f), 300f * Time.deltaTime);
        }

        void Speak()
        {
            if (mind.Speech != said)
            {
                said = mind.Speech;
                if (mind.Stance == Stance.Offering)
                    answers.Offer("Yes", "No");
                else
                    answers.Offer();
                if (said.Length > 0)
                    Say(manners.Put(said));
                else if (Time.time > speakUntil)
                    speech.Hide();
            }
            if (said.Length == 0 && speech.Shown && Time.time > speakUntil)
                speech.Hide();
            if (Time.time < speakUntil && Time.time >= nextSyllable)
            {
                nextSyllable = Time.time + 1f / manners.Tempo;
                voice.PlayOneShot(Syllable());
            }
        }

        void Say(string words)
        {
            speech.Show(words, Color.white);
            speakUntil = Time.time + 0.4f * words.Split(' ').Length;
        }

        AudioClip Syllable()
        {
            if (sung != manners)
            {
                sung = manners;
                voice.clip = Tones.Syllable(manners.Voice);
            }
            return voice.clip;
        }

        int NearestWay()
        {
            int nearest = 0;
            for (int i = 1; i < way.Length; i++)
            {
                if ((way[i].position - user.position).magnitude
                    < (way[nearest].position - user.position).magnitude)
                    nearest = i;
            }
            return (nearest + 1) % way.Length;
        }

        static Vector3 Flat(Vector3 v)
        {
            return new Vector3(v.x, 0f, v.z);
        }
    }
}
