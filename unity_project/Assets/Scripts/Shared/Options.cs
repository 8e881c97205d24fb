using UnityEngine;

namespace Fedxr
{
    /// <summary>
    /// A few texts to choose from: by a key, or, where a headset is worn, by looking at one of them
    /// for a while.
    /// </summary>
    public sealed class Options : MonoBehaviour
    {
        [SerializeField] TextMesh[] texts;

        [Tooltip("One letter for each text.")]
        [SerializeField] string keys = "";

        [SerializeField] TrackedRig rig;
        [SerializeField] Transform head;

        [Tooltip("Letters in a line.")]
        [SerializeField] int columns = 26;

        readonly Dwell dwell = new Dwell(1.5f, 9f);

        /// <summary>
        /// Offers <paramref name="words"/>, in place of what was offered; none offers nothing.
        /// </summary>
        public void Offer(params string[] words)
        {
            for (int i = 0; i < texts.Length; i++)
            {
                string key = rig.HasHeadset ? "" : "[" + keys[i] + "] ";
                texts[i].text = i < words.Length ? Lines.Wrap(key + words[i], columns) : "";
            }
        }

        /// <summary>What is chosen in this frame, from 0, or -1. To be asked once a frame.</summary>
        public int Chosen()
        {
            for (int i = 0; i < texts.Length; i++)
            {
                if (texts[i].text.Length > 0 && UserInput.Down(KeyCode.A + (keys[i] - 'A')))
                    return i;
            }
            return rig.HasHeadset
                ? dwell.Chosen(new Ray(head.position, head.forward), texts, Time.deltaTime)
                : -1;
        }
    }
}
