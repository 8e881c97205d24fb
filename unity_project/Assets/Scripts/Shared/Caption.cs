using UnityEngine;

namespace Fedxr
{
    /// <summary>
    /// Carries out <c>hint</c>: a short text before the user's eyes, with a soft chime. It stays for
    /// as long as it takes to read, or until it is taken back.
    /// </summary>
    public sealed class Caption : CueActor
    {
        [SerializeField] Tag text;
        [SerializeField] AudioSource voice;

        [Tooltip("The user's head.")]
        [SerializeField] Transform head;

        [Tooltip("How far before the eyes it floats, in metres.")]
        [SerializeField] float distance = 1.4f;

        [Tooltip("How long it stays, in seconds.")]
        [SerializeField] float seconds = 8f;

        [Tooltip("Tasks about what the user said: their texts are shown as heard.")]
        [SerializeField] string[] hearing = { "digit_spoken" };

        [Tooltip("Texts that are advice to the scene, and below how it says them to the user.")]
        [SerializeField] string[] advice = new string[0];

        [SerializeField] string[] words = new string[0];

        string from = "";
        float until;

        public override void Act(Cue cue)
        {
            from = cue.Task;
            until = Time.time + seconds;
            text.Show(Words(cue), new Color(1f, 0.95f, 0.7f));
            voice.Play();
        }

        public override void Clear(string task)
        {
            if (task == from)
                text.Hide();
        }

        string Words(Cue cue)
        {
            string said = cue.Text("text", "");
            if (System.Array.IndexOf(hearing, cue.Task) >= 0)
                return "heard: " + said;
            int known = System.Array.IndexOf(advice, said);
            return known >= 0 && known < words.Length ? words[known] : said;
        }

        void Start()
        {
            voice.clip = Tones.Chime(660f, 0.6f);
        }

        void LateUpdate()
        {
            if (text.Shown && Time.time > until)
                text.Hide();
            // follows lazily: a text nailed to the view is hard to read and makes people ill
            Vector3 goal = head.position + distance * head.forward - 0.25f * head.up;
            transform.position = Vector3.Lerp(
                transform.position, goal, Mathf.Clamp01(3f * Time.deltaTime));
        }
    }
}
