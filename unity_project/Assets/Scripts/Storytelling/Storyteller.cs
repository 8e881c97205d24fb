using UnityEngine;

namespace Fedxr
{
    /// <summary>
    /// Tells the story, and carries out <c>branch</c> and <c>intensity</c>: another way through the
    /// story; less or more light, sound and density. The pace is that of <see cref="Pace"/>.
    /// </summary>
    public sealed class Storyteller : CueActor
    {
        /// <summary>Below this intensity the quiet ways open.</summary>
        public const float QuietBelow = 0.85f;

        [SerializeField] TextAsset script;
        [SerializeField] Pace pace;

        [Tooltip("The page of the book.")]
        [SerializeField] TextMesh page;

        [Tooltip("The ways that the player may choose from.")]
        [SerializeField] Options choices;

        [Tooltip("Says that a cue will change the story.")]
        [SerializeField] TextMesh omen;

        [Tooltip("Letters in a line of the page.")]
        [SerializeField] int columns = 52;

        [SerializeField] Light sun;
        [SerializeField] AudioSource sound;
        [SerializeField] Camera view;

        [Tooltip("Lights that float about; how many there are is the density of the scene.")]
        [SerializeField] Transform[] motes;

        [Tooltip("One child for each beat that has something to show, called like the beat.")]
        [SerializeField] Transform props;

        [Tooltip("The beam of the lighthouse, which shines at the end.")]
        [SerializeField] Transform beam;

        readonly Dial intensity = new Dial();
        Telling telling;
        string branchFrom = "";
        float glow, drifted;

        /// <summary>Where the story stands.</summary>
        public Telling Telling
        {
            get { return telling; }
        }

        /// <summary>Light, sound and density: 1 is the usual.</summary>
        public float Intensity
        {
            get { return intensity.Value; }
        }

        public override void Act(Cue cue)
        {
            Clear(cue.Task);
            if (cue.Kind == "intensity")
            {
                intensity.Set(cue.Task, cue.Number("change", 0f));
                return;
            }
            branchFrom = cue.Task;
            telling.TakeBranch(cue.Text("to", ""));
            ShowChoices();
        }

        public override void Clear(string task)
        {
            intensity.Clear(task);
            if (task != branchFrom)
                return;
            branchFrom = "";
            telling.ForgetBranch();
            ShowChoices();
        }

        /// <summary>The player's choice, from 0.</summary>
        public void Choose(int index)
        {
            if (telling.Choose(index))
                ShowChoices();
        }

        void Awake()
        {
            telling = new Telling(Story.Parse(script.text));
            sound.loop = true;
        }

        void Start()
        {
            Begin();
        }

        void Update()
        {
            Choose(choices.Chosen());
            telling.Speed = pace.Speed;
            telling.Quiet = intensity.Value < QuietBelow;
            if (telling.Tick(Time.deltaTime))
                Begin();
            Shine();
            Drift();
        }

        void Begin()
        {
            Beat beat = telling.Now;
            page.text = Lines.Wrap(beat.Text, columns);
            ShowChoices();
            sound.clip = Tones.Place(beat.Sound);
            sound.Play();
            for (int i = 0; i < props.childCount; i++)
            {
                GameObject prop = props.GetChild(i).gameObject;
                prop.SetActive(prop.name == beat.Name);
            }
            beam.gameObject.SetActive(beat.Name == "lit");
        }

        void ShowChoices()
        {
            choices.Offer(telling.Choices().ConvertAll(way => way.Text).ToArray());
            omen.text = telling.Branch == null ? "" : "Something is about to happen.";
        }

        void Shine()
        {
            float[] light = telling.Now.Light;
            float reach = Mathf.Clamp01(1.5f * pace.Speed * Time.deltaTime);
            var color = new Color(light[0], light[1], light[2]);
            sun.color = Color.Lerp(sun.color, color, reach);
            glow = Mathf.Lerp(glow, intensity.Value, reach);
            sun.intensity = glow;
            sound.volume = 0.5f * glow;
            view.backgroundColor = Color.Lerp(Color.black, sun.color, 0.25f + 0.35f * glow);
            beam.Rotate(0f, 30f * pace.Speed * Time.deltaTime, 0f);
        }

        void Drift()
        {
            float share = Mathf.Clamp01(0.5f * intensity.Value * intensity.Value + 0.1f);
            int shown = Mathf.RoundToInt(motes.Length * share);
            if (pace.Animations)
                drifted += 0.4f * pace.Speed * Time.deltaTime;
            for (int i = 0; i < motes.Length; i++)
            {
                float phase = drifted + 0.6f * i;
                motes[i].gameObject.SetActive(i < shown);
                motes[i].localPosition = new Vector3(
                    2.5f * Mathf.Sin(phase + i),
                    0.8f * Mathf.Sin(0.7f * phase + 2f * i),
                    2.5f * Mathf.Cos(0.8f * phase + i));
            }
        }
    }
}
