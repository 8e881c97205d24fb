using UnityEngine;

namespace Fedxr
{
    /// <summary>Carries out <c>pace</c>: other components read their speed here.</summary>
    public sealed class Pace : CueActor
    {
        readonly Tempo tempo = new Tempo();

        [Tooltip("Shows the pace; may be empty.")]
        [SerializeField] TextMesh gauge;

        /// <summary>1 is the usual pace.</summary>
        public float Speed
        {
            get { return tempo.Speed; }
        }

        /// <summary>Whether ornaments may move.</summary>
        public bool Animations
        {
            get { return tempo.Animations; }
        }

        public override void Act(Cue cue)
        {
            tempo.Set(cue.Task, cue.Number("speed", 1f), cue.Flag("animations", true));
            Show();
        }

        public override void Clear(string task)
        {
            tempo.Clear(task);
            Show();
        }

        void Start()
        {
            Show();
        }

        void Show()
        {
            if (gauge == null)
                return;
            gauge.text = "pace " + Mathf.RoundToInt(100f * Speed) + " %"
                + (Animations ? "" : ", ornaments at rest");
            gauge.color = Speed < 1f ? new Color(1f, 0.8f, 0.4f) : new Color(0.7f, 0.8f, 0.75f);
        }
    }
}
