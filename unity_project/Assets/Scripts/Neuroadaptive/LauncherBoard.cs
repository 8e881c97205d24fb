using UnityEngine;

namespace Fedxr
{
    /// <summary>
    /// Carries out <c>effector</c> with a row of apps. A command is done once, when it comes; an app
    /// that was opened stays open when the command is taken back, only the glow of the command goes.
    /// </summary>
    public sealed class LauncherBoard : CueActor
    {
        static readonly Color Plain = new Color(0.16f, 0.2f, 0.28f);
        static readonly Color Chosen = new Color(0.25f, 0.5f, 0.85f);
        static readonly Color Opened = new Color(0.2f, 0.65f, 0.45f);
        static readonly Color Glow = new Color(1f, 0.85f, 0.4f);

        [Tooltip("One tile per app; a tile's name is the app's.")]
        [SerializeField] Renderer[] tiles;

        [Tooltip("The page of the open app.")]
        [SerializeField] TextMesh page;

        [Tooltip("Says which command was carried out last.")]
        [SerializeField] TextMesh said;

        [SerializeField] AudioSource click;
        [SerializeField] Pace pace;

        Launcher launcher;
        string from = "";
        bool glowing;

        /// <summary>The row of apps as it stands.</summary>
        public Launcher Launcher
        {
            get { return launcher; }
        }

        public override void Act(Cue cue)
        {
            string command = cue.Text("command", "");
            if (!launcher.Do(command))
                return;
            from = cue.Task;
            glowing = true;
            said.text = command;
            page.text = launcher.Open < 0
                ? ""
                : launcher.NameOf(launcher.Open) + "\npage " + (launcher.Page + 1);
            click.Play();
        }

        public override void Clear(string task)
        {
            if (task != from)
                return;
            glowing = false;
            said.text = "";
        }

        void Awake()
        {
            var names = new string[tiles.Length];
            for (int i = 0; i < tiles.Length; i++)
                names[i] = tiles[i].name;
            launcher = new Launcher(names);
        }

        void Start()
        {
            click.clip = Tones.Chime(990f, 0.25f);
            page.text = "";
            said.text = "";
        }

        void Update()
        {
            float reach = Mathf.Clamp01(6f * pace.Speed * Time.deltaTime);
            for (int i = 0; i < tiles.Length; i++)
            {
                bool on = i == launcher.Highlighted;
                Color goal = i == launcher.Open ? Opened : on ? Chosen : Plain;
                if (on && glowing)
                    goal = Color.Lerp(goal, Glow, 0.5f);
                Material surface = tiles[i].material;
                surface.color = Color.Lerp(surface.color, goal, reach);
                Transform tile = tiles[i].transform;
                float depth = i == launcher.Open ? -0.25f : on ? -0.1f : 0f;
                Vector3 place = tile.localPosition;
                place.z = Mathf.Lerp(place.z, depth, reach);
                tile.localPosition = place;
            }
        }
    }
}
