using UnityEngine;

namespace Fedxr
{
    /// <summary>A hand or a controller before a panel. Its ray presses a button by resting on it; its
    /// tip presses by going through the board from the front. Either must leave before it presses
    /// again.</summary>
    sealed class PanelPointer
    {
        const float Near = 0.05f; // metres: nearer than this the tip pokes, and the ray rests no more

        readonly Transform tip;
        readonly float dwellSeconds;
        int on = -1;
        float since;
        bool pressed, inFront;

        internal PanelPointer(Transform tip, float dwellSeconds)
        {
            this.tip = tip;
            this.dwellSeconds = dwellSeconds;
        }

        /// <summary>The button that it presses now, or -1.</summary>
        internal int Pressed(PanelButtons buttons, float now)
        {
            if (tip == null || !tip.gameObject.activeInHierarchy)
                return -1;
            Vector3 place = buttons.Local(tip.position);
            bool wasInFront = inFront;
            inFront = place.z < 0;
            if (Mathf.Abs(place.z) < Near)
                return wasInFront && !inFront ? buttons.At(place) : -1;
            return Rested(buttons.At(new Ray(tip.position, tip.forward)), now);
        }

        int Rested(int button, float now)
        {
            if (button != on)
            {
                on = button;
                since = now;
                pressed = false;
            }
            if (on < 0 || pressed || now - since < dwellSeconds)
                return -1;
            pressed = true;
            return on;
        }
    }
}
