using UnityEngine;

namespace Fedxr
{
    /// <summary>A text that floats at one place of the world and turns to the reader.</summary>
    [DisallowMultipleComponent]
    public sealed class Tag : MonoBehaviour
    {
        [SerializeField] TextMesh text;

        [Tooltip("What turns to the reader; usually the parent of the text.")]
        [SerializeField] Transform turning;

        [SerializeField] Camera reader;

        [Tooltip("Letters in a line.")]
        [SerializeField] int columns = 28;

        [Tooltip("Flashes per second; 0 keeps it steady.")]
        [SerializeField] float flashHz;

        /// <summary>Whether a text is shown.</summary>
        public bool Shown
        {
            get { return text.text.Length > 0; }
        }

        /// <summary>The text as it is shown, with its line breaks.</summary>
        public string Text
        {
            get { return text.text; }
        }

        /// <summary>Shows <paramref name="words"/> in <paramref name="color"/>.</summary>
        public void Show(string words, Color color)
        {
            text.text = Lines.Wrap(words, columns);
            text.color = color;
            turning.gameObject.SetActive(true);
        }

        /// <summary>Shows nothing.</summary>
        public void Hide()
        {
            text.text = "";
            turning.gameObject.SetActive(false);
        }

        void Awake()
        {
            Hide();
        }

        void LateUpdate()
        {
            if (!Shown)
                return;
            // a TextMesh is read from behind its forward axis, so it looks the way the reader looks
            turning.rotation = Quaternion.LookRotation(
                turning.position - reader.transform.position, Vector3.up);
            if (flashHz > 0f)
            {
                Color color = text.color;
                color.a = 0.65f + 0.35f * Mathf.Sin(2f * Mathf.PI * flashHz * Time.time);
                text.color = color;
            }
        }
    }
}
