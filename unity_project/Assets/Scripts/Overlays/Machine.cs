using UnityEngine;

namespace Fedxr
{
    /// <summary>
    /// A machine that turns, and shakes and rattles the more it is worn. What the agent says of it
    /// stands on it: a note, or a warning with a lamp and an alarm.
    /// </summary>
    [DisallowMultipleComponent]
    public sealed class Machine : MonoBehaviour
    {
        [SerializeField] string title = "machine";

        [Tooltip("What shakes.")]
        [SerializeField] Transform body;

        [Tooltip("What turns, about its own Y.")]
        [SerializeField] Transform shaft;

        [Tooltip("Turns a second.")]
        [SerializeField] float turns = 3f;

        [Tooltip("0 healthy, 1 worn, 2 failing.")]
        [Range(0, 2)]
        [SerializeField] int wear;

        [SerializeField] Renderer lamp;
        [SerializeField] Tag note;
        [SerializeField] AudioSource hum;
        [SerializeField] AudioSource alarm;

        Vector3 place;
        float urgency;

        /// <summary>What people call it.</summary>
        public string Title
        {
            get { return title; }
        }

        /// <summary>0 healthy, 1 worn, 2 failing.</summary>
        public int Wear
        {
            get { return wear; }
            set
            {
                wear = value;
                hum.clip = Tones.Hum(turns * 6f, wear / 2f);
                hum.Play();
            }
        }

        /// <summary>Whether a note or a warning stands on it.</summary>
        public bool Marked
        {
            get { return urgency > 0f; }
        }

        /// <summary>Marks it; from an <paramref name="urgency"/> of 0.7 on it also sounds an alarm.</summary>
        public void Mark(string text, float urgency)
        {
            this.urgency = urgency;
            note.Show(title + ": " + text, Tint());
            if (urgency >= 0.7f && !alarm.isPlaying)
                alarm.Play();
            else if (urgency < 0.7f)
                alarm.Stop();
        }

        /// <summary>Takes the mark back.</summary>
        public void Unmark()
        {
            urgency = 0f;
            note.Hide();
            alarm.Stop();
        }

        void Start()
        {
            place = body.localPosition;
            hum.loop = true;
            alarm.loop = true;
            alarm.clip = Tones.Alarm();
            Wear = wear;
        }

        void Update()
        {
            shaft.Rotate(0f, 360f * turns * Time.deltaTime, 0f);
            // not a true rattle, which no eye sees: a tremble whose size tells the wear
            float size = 0.004f + 0.012f * wear;
            body.localPosition = place + size * new Vector3(
                Mathf.Sin(61f * Time.time), Mathf.Sin(47f * Time.time), Mathf.Sin(53f * Time.time));
            bool flash = Mathf.Repeat((1f + 2f * urgency) * Time.time, 1f) < 0.5f;
            lamp.material.color = Marked && flash ? Tint() : new Color(0.12f, 0.16f, 0.12f);
        }

        Color Tint()
        {
            return Color.Lerp(new Color(1f, 0.85f, 0.2f), new Color(1f, 0.15f, 0.1f), urgency);
        }
    }
}
