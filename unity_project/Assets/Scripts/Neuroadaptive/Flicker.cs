using UnityEngine;

namespace Fedxr
{
    /// <summary>
    /// A button that flickers, which the visual cortex follows. Flicker at these rates can set off
    /// photosensitive epilepsy, so it starts steady: the user turns it on.
    /// </summary>
    [RequireComponent(typeof(Renderer))]
    public sealed class Flicker : MonoBehaviour
    {
        [Tooltip("Flashes a second. The display must be much faster.")]
        [SerializeField] float hz = 13f;

        [SerializeField] Color dark = new Color(0.25f, 0.25f, 0.25f);
        [SerializeField] Color bright = Color.white;

        Material surface;

        /// <summary>Flashes a second.</summary>
        public float Hz
        {
            get { return hz; }
        }

        /// <summary>Whether it flickers; the key F turns it on and off.</summary>
        public bool On { get; set; }

        void Awake()
        {
            surface = GetComponent<Renderer>().material;
        }

        void Update()
        {
            if (UserInput.Down(KeyCode.F))
                On = !On;
            // a sine of the clock, not of counted frames: the rate holds when frames are lost
            float level = On ? 0.5f + 0.5f * Mathf.Sin(2f * Mathf.PI * hz * Time.time) : 0.6f;
            surface.color = Color.Lerp(dark, bright, level);
        }
    }
}
