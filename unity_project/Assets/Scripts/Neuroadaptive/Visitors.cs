using UnityEngine;

namespace Fedxr
{
    /// <summary>
    /// Messages that drop in and out around the user: the slower the pace, the fewer of them; and
    /// ornaments that turn, unless the pace wants them at rest.
    /// </summary>
    public sealed class Visitors : MonoBehaviour
    {
        static readonly string[] Messages =
        {
            "Lunch?", "3 new photos", "Battery 62 %", "Meeting moved to 15:00", "Song of the day",
            "Your parcel is near", "Rain at four", "Ada likes this",
        };

        [SerializeField] Tag[] places;
        [SerializeField] Transform[] ornaments;
        [SerializeField] Pace pace;

        [Tooltip("Seconds between two messages at the usual pace.")]
        [SerializeField] float every = 4f;

        float next;
        int told;

        void Update()
        {
            if (pace.Animations)
            {
                foreach (Transform ornament in ornaments)
                    ornament.Rotate(0f, 60f * pace.Speed * Time.deltaTime, 0f);
            }
            if (Time.time < next)
                return;
            // half the pace makes messages four times as rare: the load is what is to go down
            next = Time.time + every / (pace.Speed * pace.Speed);
            Tag last = places[told % places.Length];
            last.Hide();
            told++;
            if (pace.Animations)
                places[told % places.Length].Show(
                    Messages[told % Messages.Length], new Color(0.8f, 0.8f, 0.95f));
        }
    }
}
